// SPDX-License-Identifier: Apache-2.0
public import RivetAsync
public import Tracing

extension RivetConfiguration {
    /// Makes a span of kind `client` for each call, and sends its context on.
    ///
    /// The span is a child of the one in which the call was made, is named after what is called, such as
    /// `action counter.increment`, and has an error recorded where the call threw one. `traceparent` and `tracestate`
    /// (W3C Trace Context) go with every request of the call where the tracer injects them; other fields it injects go along as
    /// they are. What `aroundCall` and `requestContext` were before runs inside, and its fields win.
    ///
    /// - Parameter tracer: `InstrumentationSystem.tracer` by default.
    public mutating func trace(with tracer: any Tracer = InstrumentationSystem.tracer) {
        let inner = requestContext
        requestContext = {
            var context = inner?() ?? RequestContext()
            var injected: [String: String] = [:]
            if let current = ServiceContext.current {
                tracer.inject(current, into: &injected, using: DictionaryInjector())
            }
            context.traceparent = context.traceparent ?? injected.removeValue(forKey: "traceparent")
            context.tracestate = context.tracestate ?? injected.removeValue(forKey: "tracestate")
            for (name, value) in injected where context.fields[name] == nil { context.fields[name] = value }
            return context
        }
        wrapCalls { info, call in
            try await info.traced(by: tracer, call)
        }
    }
}

extension CallInfo {
    fileprivate func traced(by tracer: some Tracer, _ call: () async throws -> Void) async throws {
        let name = "\(kind.rawValue) \(actorName)" + (name.isEmpty ? "" : ".\(name)")
        try await tracer.withSpan(name, ofKind: .client) { span in
            span.updateAttributes { attributes in
                attributes["rivet.call"] = kind.rawValue
                attributes["rivet.actor"] = actorName
                attributes["rivet.name"] = self.name
                attributes["rivet.transport"] = overConnection ? "connection" : "http"
            }
            try await call()
        }
    }
}

private struct DictionaryInjector: Injector {
    func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) { carrier[key] = value }
}

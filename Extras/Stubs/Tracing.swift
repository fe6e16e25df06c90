// SPDX-License-Identifier: Apache-2.0
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// What of swift-distributed-tracing and swift-service-context is used here, by its form alone.

public struct ServiceContext: Sendable {
    @TaskLocal public static var current: ServiceContext?
    public static var topLevel: ServiceContext { ServiceContext() }
}

public protocol Injector: Sendable {
    associatedtype Carrier: Sendable
    func inject(_ value: String, forKey key: String, into carrier: inout Carrier)
}

public protocol Instrument: Sendable {
    func inject<Carrier, Inject>(_ context: ServiceContext, into carrier: inout Carrier, using injector: Inject)
    where Inject: Injector, Inject.Carrier == Carrier
}

public enum SpanKind: Sendable { case server, client, producer, consumer, `internal` }

public struct SpanAttributes: Sendable {
    public subscript(name: String) -> String? {
        get { nil }
        set {}
    }
}

public protocol Span: Sendable {
    var attributes: SpanAttributes { get nonmutating set }
}

extension Span {
    public func updateAttributes(_ update: (inout SpanAttributes) -> Void) {}
}

public protocol Tracer: Instrument {
    associatedtype Span: Tracing.Span
    func startSpan(_ operationName: String, ofKind kind: SpanKind) -> Span
}

extension Tracer {
    public func withSpan<T>(
        _ operationName: String,
        context: @autoclosure () -> ServiceContext = .current ?? .topLevel,
        ofKind kind: SpanKind = .internal,
        isolation: isolated (any Actor)? = #isolation,
        function: String = #function,
        file fileID: String = #fileID,
        line: UInt = #line,
        _ operation: (Self.Span) async throws -> T
    ) async rethrows -> T { try await operation(startSpan(operationName, ofKind: kind)) }
}

public enum InstrumentationSystem {
    private final class Nothing: Tracer, Span {
        var attributes: SpanAttributes {
            get { SpanAttributes() }
            set {}
        }
        func startSpan(_ operationName: String, ofKind kind: SpanKind) -> Nothing { self }
        func inject<Carrier, Inject>(_ context: ServiceContext, into carrier: inout Carrier, using injector: Inject)
        where Inject: Injector, Inject.Carrier == Carrier {}
    }

    public static var tracer: any Tracer { Nothing() }
}

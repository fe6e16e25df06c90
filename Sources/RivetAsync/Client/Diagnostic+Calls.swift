// SPDX-License-Identifier: Apache-2.0

/// What calls and their parts look like to who listens: names and outcomes, no argument, answer or token (B293, B294).
extension Diagnostic {
    init(callBegins info: CallInfo, _ record: CallRecord) {
        self.init(
            .trace,
            "a call begins",
            Self.fields(of: info, record),
            span: Span(name: info.kind.rawValue, id: record.id, parent: nil, ended: false)
        )
    }

    init(callEnds info: CallInfo, _ record: CallRecord, after duration: Duration, _ error: (any Error)?) {
        var fields = Self.fields(of: info, record)
        fields.append(Field(name: "outcome", value: Self.outcome(of: error)))
        fields.append(Field(name: "execution", value: Self.execution(error, record)))
        fields.append(Field(name: "tries", value: "\(record.tries)"))
        fields += Self.fields(of: error)
        self.init(
            .debug,
            "a call ended",
            fields,
            measurement: Measurement(name: "rivet.client.call.duration", value: duration / .seconds(1), unit: "s"),
            span: Span(name: info.kind.rawValue, id: record.id, parent: nil, ended: true)
        )
    }

    init(spanBegins name: String, id: UInt64, parent: UInt64?) {
        self.init(
            .trace,
            "\(name) begins",
            parent.map { [Field(name: "call", value: "\($0)")] } ?? [],
            span: Span(name: name, id: id, parent: parent, ended: false)
        )
    }

    init(spanEnds name: String, id: UInt64, parent: UInt64?, _ error: (any Error)?) {
        self.init(
            .trace,
            "\(name) ended",
            (parent.map { [Field(name: "call", value: "\($0)")] } ?? [])
                + [Field(name: "outcome", value: Self.outcome(of: error))] + Self.fields(of: error),
            span: Span(name: name, id: id, parent: parent, ended: true)
        )
    }

    /// A repeat, a stale id, a wait: nothing of that is done in silence.
    init(repeats what: String, _ record: CallRecord?, why: RivetError?, wait: Duration? = nil) {
        var fields: [Field] = []
        if let record {
            fields.append(Field(name: "call", value: "\(record.id)"))
            fields.append(Field(name: "try", value: "\(record.tries)"))
        }
        if let wait { fields.append(Field(name: "wait", value: "\(wait)")) }
        if let why {
            fields.append(Field(name: "cause", value: why.description))
            fields += Self.fields(of: why)
        }
        self.init(.debug, what, fields)
    }

    private static func fields(of info: CallInfo, _ record: CallRecord) -> [Field] {
        [
            Field(name: "call", value: "\(record.id)"), Field(name: "kind", value: info.kind.rawValue),
            Field(name: "actor", value: info.actorName), Field(name: "name", value: info.name),
            Field(name: "transport", value: info.overConnection ? "connection" : "http"),
        ]
    }

    private static func fields(of error: (any Error)?) -> [Field] {
        guard let remote = (error as? RivetError)?.remote else { return [] }
        var fields: [Field] = []
        if !remote.group.isEmpty { fields.append(Field(name: "error", value: "\(remote.group).\(remote.code)")) }
        if let rayID = remote.rayID { fields.append(Field(name: "ray_id", value: rayID)) }
        if let code = remote.closeCode { fields.append(Field(name: "close_code", value: "\(code.rawValue)")) }
        return fields
    }

    private static func outcome(of error: (any Error)?) -> String {
        switch error {
        case nil: "ok"
        case is CancellationError: "cancelled"
        case let error as RivetError: error.code.name
        case let other?: "\(type(of: other))"
        }
    }

    private static func execution(_ error: (any Error)?, _ record: CallRecord) -> String {
        switch error {
        case nil: "ran"
        case let error as RivetError:
            switch error.execution {
            case .notSent: "notSent"
            case .mayHaveRun: "mayHaveRun"
            case .ran: "ran"
            }
        default: record.tries == 0 ? "notSent" : "mayHaveRun"
        }
    }
}

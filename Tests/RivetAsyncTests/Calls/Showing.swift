// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import RivetAsync

/// Everything that a program sees of a value without asking for its members: printed, reflected, dumped.
struct Showing: Sendable {
    /// Stands in each place where something secret goes: token, parameters, arguments, outputs, events, keys of maps.
    static let secret = "hunter2"

    private let texts = Recorder<String>()

    var count: Int { texts.all.count }

    /// An error shows with all that is below it.
    func add(_ value: Any) {
        var dumped = ""
        dump(value, to: &dumped)
        texts.add(dumped)
        texts.add(String(describing: value))
        texts.add(String(reflecting: value))
        for child in Mirror(reflecting: value).children {
            texts.add("\(child.label ?? ""): \(child.value)")
        }
        guard let error = value as? RivetError else { return }
        texts.add(error.message)
        if let cause = error.underlying { add(cause) }
    }

    func add(_ line: Diagnostic) {
        add(line as Any)
        texts.add(line.fields.map { "\($0.name) \($0.value)" }.joined(separator: " "))
    }

    /// What `body` throws, if it does.
    @discardableResult
    func errors(_ body: () async throws -> Void) async -> RivetError? {
        do {
            try await body()
            return nil
        } catch {
            add(error)
            return error as? RivetError
        }
    }

    /// The statuses of a connection until it is closed.
    func statuses<D>(_ connection: ActorConnection<D>) -> Task<Void, Never> {
        let statuses = connection.status
        return Task { for await status in statuses { add(status) } }
    }

    /// The lines of a client until it is closed.
    func lines(_ client: RivetClient) -> Task<Int, Never> {
        // A reader sees the lines that come after it was made.
        let iterator = client.diagnostics.makeAsyncIterator()
        return Task {
            var (iterator, count) = (iterator, 0)
            while let line = await iterator.next() {
                add(line)
                count += 1
            }
            return count
        }
    }

    func expectNoSecret(sourceLocation: SourceLocation = #_sourceLocation) {
        for text in texts.all where text.contains(Self.secret) {
            Issue.record("\(text)", sourceLocation: sourceLocation)
        }
    }
}

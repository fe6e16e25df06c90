// SPDX-License-Identifier: Apache-2.0
import Testing

/// What users write compiles as it stands, and what they must not write does not.
@Suite(.leavesNothing, .serialized, .timeLimit(.minutes(5)))
struct UserProgramTests {
    static let declarations = """
        import RivetAsync

        enum Counter: ActorDefinition {}
        struct Increment: ActorAction { typealias Target = Counter; typealias Output = Int; var amount: Int }
        struct NewCount: ActorEvent { typealias Source = Counter; var count: Int }

        """

    static let program = """
        let client = RivetClient(try RivetConfiguration(endpoint: "http://localhost:6420"))
        let counter = client.getOrCreate(Counter.self, ["my-counter"])
        print(try await counter.send(Increment(amount: 1)))            // stateless: HTTP, no connection kept

        let conn = counter.connect()                                   // stateful: one WebSocket, reconnects until told otherwise
        let counts = conn.events(of: NewCount.self)                    // subscribed from here on
        try await conn.send(Increment(amount: 2))
        for await event in counts {
            print(event.count)
            if event.count >= 3 { break }
        }
        await conn.disconnect()

        """

    static let otherWaysToListen = """
        for await event in conn.events(of: NewCount.self) { print(event.count) }

        for try await delivery in conn.events(of: NewCount.self).deliveries {
            switch delivery {
            case .event(let event): print(event.count)
            case .gap(let gap): print("missed something:", gap)
            }
        }

        """

    static let localEngine = """
        let engine = try await LocalEngine.start { engine in
            engine.actor(Counter.self, state: 0) { counter in
                counter.on(Increment.self) { increment, actor in
                    actor.state += increment.amount
                    actor.broadcast(NewCount(count: actor.state))
                    return actor.state
                }
            }
        }
        let client = RivetClient(try RivetConfiguration(endpoint: engine.endpoint))
        print(client)

        """

    struct Program: CustomTestStringConvertible {
        var testDescription: String
        var source: String
    }

    static let programs = [
        Program(testDescription: "the counter", source: declarations + program),
        Program(testDescription: "the other ways to listen", source: declarations + program + otherWaysToListen),
        Program(testDescription: "the local engine", source: "import RivetAsyncLocal\n" + declarations + localEngine),
    ]

    @Test(arguments: programs)
    func compilesAsPrinted(_ program: Program) async throws {
        let outcome = try await SwiftCompiler.check(program.source)
        #expect(outcome.isAccepted, "\(outcome.output)")
    }

    struct Mistake: CustomTestStringConvertible {
        var testDescription: String
        /// The last line of a function with `client`, `conn` and `id`.
        var refused: String
        /// The nearest thing that is right.
        var accepted: String
        var diagnostic: String
    }

    static let mistakes = [
        Mistake(
            testDescription: "a key by interpolation",
            refused: #"_ = client.get(Counter.self, "org:\(id)")"#,
            accepted: #"_ = client.get(Counter.self, ["org", id])"#,
            diagnostic: "cannot convert value of type 'String' to expected argument type 'ActorKey'"
        ),
        Mistake(
            testDescription: "another actor's action, by a handle",
            refused: #"try await client.get(Counter.self, "one").send(Say(text: id))"#,
            accepted: #"try await client.get(Chat.self, "one").send(Say(text: id))"#,
            diagnostic:
                "instance method 'send' requires the types 'Counter' and 'Say.Target' (aka 'Chat') be equivalent"
        ),
        Mistake(
            testDescription: "another actor's action, on a connection",
            refused: "try await conn.send(Say(text: id))",
            accepted: "try await conn.send(Increment(amount: id.count))",
            diagnostic:
                "instance method 'send' requires the types 'Counter' and 'Say.Target' (aka 'Chat') be equivalent"
        ),
    ]

    @Test(arguments: mistakes)
    func mistakeDoesNotCompile(_ mistake: Mistake) async throws {
        func source(_ line: String) -> String {
            Self.declarations + """
                enum Chat: ActorDefinition {}
                struct Say: ActorAction { typealias Target = Chat; var text: String }
                func use(_ client: RivetClient, _ conn: ActorConnection<Counter>, id: String) async throws {
                    \(line)
                }
                """
        }
        let accepted = try await SwiftCompiler.check(source(mistake.accepted), isProgram: false)
        #expect(accepted.isAccepted, "\(accepted.output)")
        let refused = try await SwiftCompiler.check(source(mistake.refused), isProgram: false)
        #expect(!refused.isAccepted)
        #expect(refused.output.contains("error: " + mistake.diagnostic), "\(refused.output)")
    }
}

// SPDX-License-Identifier: Apache-2.0

/// Where the local engine is another than Rivet's own: a row each in `Documentation.docc/LocalEngine.md`.
enum Difference: String, CaseIterable {
    case dates = "Dates where CBOR tags are refused"
    case ownGroups = "Errors of an author's own group"
    case permissions = "Permissions for events and queues"
    case streaming = "The streaming gateway"
    case messageWhileFallingAsleep = "A message that comes while its actor falls asleep"
    case eventOfASchedule = "What an actor says when its schedule wakes it"
    case startFailsAtOnce = "An actor that cannot start"
    case limitsPerActor = "Time-outs and sizes as options of one actor"
}

// SPDX-License-Identifier: Apache-2.0

/// How the properties of an action or event stand in its list of arguments.
///
/// Nothing on the wire tells which one an actor expects, so a wrong choice shows only when it runs.
public enum ArgumentStyle: Sendable {
    /// One argument, a map with the properties by name: what an actor in Rust takes for a struct. The default.
    case object
    /// One argument for each property, in the order of their declaration: what an actor in JavaScript takes.
    /// A property that is `nil` is written as null, so that it never shifts those behind it.
    case positional
}

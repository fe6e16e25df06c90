// SPDX-License-Identifier: Apache-2.0

extension Endpoint {
    /// Whether both are one host to whoever may have a token: without case, and nothing is looked up (B235).
    package func hasSameHost(as other: String) -> Bool {
        host.utf8.count == other.utf8.count
            && zip(host.utf8, other.utf8).allSatisfy { Self.lower($0) == Self.lower($1) }
    }

    /// Whether the host is this machine: `localhost`, 127.0.0.0/8 or `::1`, in any spelling that is dialled as one of
    /// these (B233).
    package var isLoopback: Bool {
        if hasSameHost(as: "localhost") { return true }
        if let address = Self.v4(Substring(host)) { return address >> 24 == 127 }
        guard let groups = Self.v6(host) else { return false }
        if groups == [0, 0, 0, 0, 0, 0, 0, 1] { return true }
        // An IPv4 address as IPv6 (RFC 4291 §2.5.5.2).
        return groups[..<6] == [0, 0, 0, 0, 0, 0xffff] && groups[6] >> 8 == 127
    }

    private static func lower(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
    }

    /// An IPv4 address as `inet_aton` reads it: one to four numbers, each decimal, octal or hexadecimal, of which the
    /// last fills what is left.
    private static func v4(_ text: Substring) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 4 else { return nil }
        var address: UInt64 = 0
        for (index, part) in parts.enumerated() {
            let isLast = index == parts.count - 1
            let bits = isLast ? UInt64(32 - 8 * index) : 8
            guard let number = number(part), number < 1 << bits else { return nil }
            address = address << bits | number
        }
        return UInt32(exactly: address)
    }

    private static func number(_ text: Substring) -> UInt64? {
        guard let first = text.utf8.first, (0x30...0x39).contains(first) else { return nil }
        if text.hasPrefix("0x") || text.hasPrefix("0X") {
            let digits = text.dropFirst(2)
            guard digits.first?.isHexDigit == true else { return nil }
            return UInt64(digits, radix: 16)
        }
        return UInt64(text, radix: first == 0x30 ? 8 : 10)
    }

    /// The eight groups of an IPv6 address.
    private static func v6(_ text: String) -> [UInt16]? {
        guard text.contains(":") else { return nil }
        let halves = text.split(separator: "::", maxSplits: 1, omittingEmptySubsequences: false)
        let groups = halves.map { half -> [UInt16]? in
            if half.isEmpty { return [] }
            var groups: [UInt16] = []
            for part in half.split(separator: ":", omittingEmptySubsequences: false) {
                if part.contains(".") {
                    guard let address = v4(part) else { return nil }
                    groups += [UInt16(address >> 16), UInt16(truncatingIfNeeded: address)]
                } else {
                    guard part.utf8.count <= 4, part.first?.isHexDigit == true, let group = UInt16(part, radix: 16)
                    else {
                        return nil
                    }
                    groups.append(group)
                }
            }
            return groups
        }
        guard let head = groups[0] else { return nil }
        if groups.count == 1 { return head.count == 8 ? head : nil }
        guard let tail = groups[1], head.count + tail.count < 8 else { return nil }
        return head + Array(repeating: 0, count: 8 - head.count - tail.count) + tail
    }
}

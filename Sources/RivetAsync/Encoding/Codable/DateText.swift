// SPDX-License-Identifier: Apache-2.0

/// ISO 8601 as JavaScript's `toISOString` writes it, and RFC 3339 as others do; UTC, proleptic Gregorian calendar.
enum DateText {
    /// JavaScript's range of dates (ECMA-262 §21.4.1.1): 100 million days on either side of 1970.
    static let maxSeconds = 8_640_000_000_000.0

    /// `2025-08-06T20:37:26.123Z`; nil beyond JavaScript's range.
    ///
    /// Fractions of a millisecond are rounded.
    static func write(secondsSince1970 seconds: Double) -> String? {
        guard abs(seconds) <= maxSeconds else { return nil }
        let milliseconds = Int64((seconds * 1000).rounded())
        let (days, time) = floorDivide(milliseconds, 86_400_000)
        let (year, month, day) = civil(fromDays: days)
        let yearText =
            switch year {
            case 0...9999: pad(year, 4)
            case ..<0: "-" + pad(-year, 6)
            default: "+" + pad(year, 6)
            }
        return "\(yearText)-\(pad(month, 2))-\(pad(day, 2))T\(pad(time / 3_600_000, 2)):\(pad(time / 60_000 % 60, 2)):"
            + "\(pad(time / 1000 % 60, 2)).\(pad(time % 1000, 3))Z"
    }

    /// Seconds since 1970, or nil if `text` is no date with time and zone.
    static func read(_ text: String) -> Double? {
        var rest = Array(text.utf8)[...]
        func take(_ byte: Character) -> Bool {
            guard rest.first == byte.asciiValue else { return false }
            rest.removeFirst()
            return true
        }
        func number(_ digits: Int) -> Int64? {
            let taken = rest.prefix(digits)
            guard taken.count == digits, taken.allSatisfy({ $0 &- 0x30 < 10 }) else { return nil }
            rest.removeFirst(digits)
            return taken.reduce(0) { $0 * 10 + Int64($1 &- 0x30) }
        }
        let isNegative = take("-")
        let isLong = isNegative || take("+")
        guard let year = number(isLong ? 6 : 4).map({ isNegative ? -$0 : $0 }), take("-"),
            let month = number(2), (1...12).contains(month), take("-"),
            let day = number(2), (1...daysIn(month, year)).contains(day), take("T") || take("t") || take(" "),
            let hour = number(2), hour < 24, take(":"), let minute = number(2), minute < 60, take(":"),
            // A leap second is legal (RFC 3339 §5.7) and the first moment of the next minute.
            let second = number(2), second <= 60
        else { return nil }
        // The fraction as so many of so small parts; nanoseconds are more than a Double of seconds can tell.
        var parts: Int64 = 0
        var partsInSecond: Int64 = 1
        if take(".") {
            let digits = rest.prefix { $0 &- 0x30 < 10 }
            guard !digits.isEmpty, digits.count <= 30 else { return nil }
            rest.removeFirst(digits.count)
            for digit in digits.prefix(9) {
                parts = parts * 10 + Int64(digit &- 0x30)
                partsInSecond *= 10
            }
        }
        var offset: Int64 = 0
        if !take("Z"), !take("z") {
            let isWest = take("-")
            guard isWest || take("+"), let hours = number(2), hours < 24, take(":"), let minutes = number(2),
                minutes < 60
            else { return nil }
            offset = (hours * 60 + minutes) * (isWest ? -60 : 60)
        }
        guard rest.isEmpty else { return nil }
        let whole = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset
        // One division of whole numbers rounds once, so that milliseconds are the nearest Double.
        let (scaled, overflowed) = whole.multipliedReportingOverflow(by: partsInSecond)
        if overflowed { return Double(whole) + Double(parts) / Double(partsInSecond) }
        return (Double(scaled) + Double(parts)) / Double(partsInSecond)
    }

    // MARK: Calendar

    private static func pad(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    private static func floorDivide(_ value: Int64, _ by: Int64) -> (Int64, Int64) {
        let (quotient, rest) = value.quotientAndRemainder(dividingBy: by)
        return rest < 0 ? (quotient - 1, rest + by) : (quotient, rest)
    }

    private static func daysIn(_ month: Int64, _ year: Int64) -> Int64 {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: 31
        }
    }

    /// Days since 1970.
    ///
    /// Years start in March here, so that the day that comes and goes is the last one.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month > 2 ? year : year - 1
        let (era, yearOfEra) = floorDivide(shifted, 400)
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = floorDivide(days + 719_468, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }
}

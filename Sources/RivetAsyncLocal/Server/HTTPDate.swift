// SPDX-License-Identifier: Apache-2.0

/// The `date` field (RFC 9110 §5.6.7): `Tue, 24 Nov 2026 04:10:30 GMT`.
enum HTTPDate {
    static func text(milliseconds: Int64) -> String {
        let seconds = floorDivide(milliseconds, 1_000)
        let days = floorDivide(seconds, 86_400)
        let time = seconds - days * 86_400
        let (year, month, day) = civil(days)
        // 1 January 1970 was a Thursday.
        let weekday = weekdays[Int(((days + 4) % 7 + 7) % 7)]
        return "\(weekday), \(two(day)) \(months[month - 1]) \(year) "
            + "\(two(Int(time / 3_600))):\(two(Int(time / 60 % 60))):\(two(Int(time % 60))) GMT"
    }

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

    private static func floorDivide(_ number: Int64, _ divisor: Int64) -> Int64 {
        let (quotient, remainder) = number.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }

    /// The Gregorian date of a day counted from 1970.
    ///
    /// Years are counted from 1 March, so that the leap day is the last.
    private static func civil(_ days: Int64) -> (year: Int64, month: Int, day: Int) {
        let fromEra = days + 719_468
        let era = floorDivide(fromEra, 146_097)
        let dayOfEra = fromEra - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = Int(shifted < 10 ? shifted + 3 : shifted - 9)
        let day = Int(dayOfYear - (153 * shifted + 2) / 5) + 1
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }
}

// SPDX-License-Identifier: Apache-2.0

/// Dates in fields (RFC 9110 §5.6.7): `Tue, 24 Nov 2026 04:10:30 GMT`.
package enum HTTPDate {
    package static func text(milliseconds: Int64) -> String {
        let seconds = floorDivide(milliseconds, 1_000)
        let days = floorDivide(seconds, 86_400)
        let time = seconds - days * 86_400
        let (year, month, day) = civil(days)
        // 1 January 1970 was a Thursday.
        let weekday = weekdays[Int(((days + 4) % 7 + 7) % 7)]
        return "\(weekday), \(two(day)) \(months[month - 1]) \(year) "
            + "\(two(Int(time / 3_600))):\(two(Int(time / 60 % 60))):\(two(Int(time % 60))) GMT"
    }

    /// The milliseconds since 1970 of a date in one of the three spellings that a recipient has to read; nil for any
    /// other text.
    ///
    /// A year of two digits is the one that is not more than 50 years after `now`, also in milliseconds (RFC 9110 §5.6.7).
    package static func milliseconds(_ text: String, now: Int64) -> Int64? {
        var parts = text.utf8.split(separator: 0x20).map { Array($0) }
        guard let weekday = parts.first else { return nil }
        let date: (day: [UInt8], month: [UInt8], year: [UInt8], time: [UInt8])
        switch parts.count {
        case 6
        where weekday.count == 4 && parts[5].elementsEqual("GMT".utf8) && parts[1].count == 2 && parts[3].count == 4:
            date = (parts[1], parts[2], parts[3], parts[4])
        case 5 where weekday.count == 3 && parts[4].count == 4:
            date = (parts[2], parts[1], parts[4], parts[3])
        case 4 where weekday.count > 4 && parts[3].elementsEqual("GMT".utf8):
            let day = parts[1].split(separator: UInt8(ascii: "-")).map { Array($0) }
            guard day.count == 3, day[0].count == 2, day[2].count == 2 else { return nil }
            date = (day[0], day[1], day[2], parts[2])
        default: return nil
        }
        parts = date.time.split(separator: UInt8(ascii: ":")).map { Array($0) }
        guard weekdays.contains(where: { $0.utf8.elementsEqual(weekday.prefix(3)) }),
            weekday.count == 3 || weekday.last == UInt8(ascii: ","), parts.count == 3,
            parts.allSatisfy({ $0.count == 2 }), date.year.count == 2 || date.year.count == 4,
            let month = months.firstIndex(where: { $0.utf8.elementsEqual(date.month) }),
            let day = number(date.day), var year = number(date.year),
            let hour = number(parts[0]), let minute = number(parts[1]), let second = number(parts[2]),
            hour < 24, minute < 60, second <= 60
        else { return nil }
        if date.year.count == 2 {
            let thisYear = civil(floorDivide(now, 86_400_000)).year
            year += floorDivide(thisYear, 100) * 100
            if year > thisYear + 50 { year -= 100 }
            if year + 100 <= thisYear + 50 { year += 100 }
        }
        let days = self.days(year, month + 1, Int64(day))
        guard civil(days) == (year, month + 1, Int(day)) else { return nil }  // No 31 February.
        return (days * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000
    }

    private static func number(_ digits: [UInt8]) -> Int64? {
        guard !digits.isEmpty, digits.count <= 4, digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
    }

    /// The day counted from 1970; the inverse of `civil`.
    private static func days(_ year: Int64, _ month: Int, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = floorDivide(shifted, 400)
        let dayOfYear = Int64((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
        let yearOfEra = shifted - era * 400
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
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

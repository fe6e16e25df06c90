// SPDX-License-Identifier: Apache-2.0

/// An actor as the actors API tells of it (PROTOCOL b4).
package struct ActorRecord: Sendable, Equatable {
    package var actorID: ActorID
    package var name: String
    package var keyText: String?
    package var namespaceID: String
    package var datacenter: String
    package var poolName: String
    package var crashPolicy: String
    /// Times in milliseconds since 1970.
    package var createTime: Int64
    package var startTime: Int64?
    package var pendingAllocationTime: Int64?
    package var connectableTime: Int64?
    package var sleepTime: Int64?
    package var rescheduleTime: Int64?
    package var destroyTime: Int64?
    /// Why the actor failed to start, as JSON: text or an object with one member, an open set.
    package var error: ByteChunk?

    package init(
        actorID: ActorID,
        name: String,
        keyText: String?,
        namespaceID: String,
        datacenter: String = "default",
        poolName: String,
        crashPolicy: String = "sleep",
        createTime: Int64
    ) {
        self.actorID = actorID
        self.name = name
        self.keyText = keyText
        self.namespaceID = namespaceID
        self.datacenter = datacenter
        self.poolName = poolName
        self.crashPolicy = crashPolicy
        self.createTime = createTime
    }

    func write(to output: inout some ByteOutput & ~Copyable) {
        func text(_ name: StaticString, _ value: String?) {
            output.append(name)
            if let value { output.appendJSON(value) } else { output.appendJSONNull() }
        }
        func time(_ name: StaticString, _ value: Int64?) {
            output.append(name)
            if let value { output.appendJSON(digits: value) } else { output.appendJSONNull() }
        }
        text(#"{"actor_id":"#, actorID.rawValue)
        text(#","name":"#, name)
        text(#","key":"#, keyText)
        text(#","namespace_id":"#, namespaceID)
        text(#","datacenter":"#, datacenter)
        text(#","runner_name_selector":"#, poolName)
        text(#","crash_policy":"#, crashPolicy)
        time(#","create_ts":"#, createTime)
        time(#","start_ts":"#, startTime)
        time(#","pending_allocation_ts":"#, pendingAllocationTime)
        time(#","connectable_ts":"#, connectableTime)
        time(#","sleep_ts":"#, sleepTime)
        time(#","reschedule_ts":"#, rescheduleTime)
        time(#","destroy_ts":"#, destroyTime)
        if let error {
            output.append(#","error":"#)
            output.append(error)
        }
        output.append("}")
    }

    /// Needs what a client uses, and takes anything more or less than that.
    static func read(_ reader: inout JSONReader, of document: ByteChunk) throws(CodingError) -> ActorRecord {
        let start = reader.position
        var id: String?
        var name: String?
        var record = ActorRecord(
            actorID: "",
            name: "",
            keyText: nil,
            namespaceID: "",
            datacenter: "",
            poolName: "",
            crashPolicy: "",
            createTime: 0
        )
        try reader.readMembers { (key, reader) throws(CodingError) in
            switch key {
            case "actor_id": id = try reader.readText()
            case "name": name = try reader.readText()
            case "key": record.keyText = try reader.readOptionalText()
            case "namespace_id": record.namespaceID = try reader.readOptionalText() ?? ""
            case "datacenter": record.datacenter = try reader.readOptionalText() ?? ""
            case "runner_name_selector": record.poolName = try reader.readOptionalText() ?? ""
            case "crash_policy": record.crashPolicy = try reader.readOptionalText() ?? ""
            case "create_ts": record.createTime = try reader.readTime() ?? 0
            case "start_ts": record.startTime = try reader.readTime()
            case "pending_allocation_ts": record.pendingAllocationTime = try reader.readTime()
            case "connectable_ts": record.connectableTime = try reader.readTime()
            case "sleep_ts": record.sleepTime = try reader.readTime()
            case "reschedule_ts": record.rescheduleTime = try reader.readTime()
            case "destroy_ts": record.destroyTime = try reader.readTime()
            case "error":
                record.error = try reader.readOptional { (reader) throws(CodingError) in
                    try reader.readValueSlice(of: document)
                }
            default: try reader.skipItem(depth: 3)
            }
        }
        record.actorID = ActorID(rawValue: try id.required("actor_id", at: start))
        record.name = try name.required("name", at: start)
        return record
    }
}

extension JSONReader {
    fileprivate mutating func readTime() throws(CodingError) -> Int64? {
        try readOptional { (reader) throws(CodingError) in try reader.readInteger(as: Int64.self) }
    }
}

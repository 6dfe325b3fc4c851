//! The Lua scripts, one file each. Redis knows them by hash and gets their text when it does not.

use std::sync::LazyLock;

use redis::Script;

macro_rules! script {
    ($name:ident, $file:literal) => {
        pub(super) static $name: LazyLock<Script> =
            LazyLock::new(|| Script::new(include_str!(concat!("scripts/", $file))));
    };
}

script!(ACQUIRE, "acquire.lua");
script!(APPEND, "append.lua");
script!(ATTEND, "attend.lua");
script!(CACHE_DROP, "cache_drop.lua");
script!(CACHE_LOOK, "cache_look.lua");
script!(CACHE_PUT, "cache_put.lua");
script!(CACHE_USED, "cache_used.lua");
script!(CLOSE, "close.lua");
script!(DROP_SUPPLIER, "drop_supplier.lua");
script!(FINISH, "finish.lua");
script!(HEARTBEAT, "heartbeat.lua");
script!(LEAD, "lead.lua");
script!(LIVING, "living.lua");
script!(PUT_BLOCKS, "put_blocks.lua");
script!(PUT_FACTORS, "put_factors.lua");
script!(PUT_SETTLEMENT, "put_settlement.lua");
script!(PUT_SUPPLIER, "put_supplier.lua");
script!(READ_SUPPLIER, "read_supplier.lua");
script!(RELEASE, "release.lua");
script!(RENEW, "renew.lua");
script!(SCHEMA, "schema.lua");
script!(SEAL, "seal.lua");
script!(SLICE, "slice.lua");
script!(WRITE_RECORD, "write_record.lua");
script!(WRITE_TRANSACTION, "write_transaction.lua");

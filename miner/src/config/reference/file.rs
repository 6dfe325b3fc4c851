use std::collections::BTreeMap;

use relay_core::config::reference::{Keys, PocketNode};
use serde::Deserialize;

macro_rules! sections {
    ($($(#[$meta:meta])* $name:ident { $($key:ident: $kind:ty,)* })*) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Default, PartialEq, Deserialize)]
            #[serde(deny_unknown_fields, default)]
            #[allow(missing_docs, clippy::struct_field_names, reason = "the keys are that program's, and its manual describes them")]
            pub struct $name {
                $(pub $key: Option<$kind>,)*
            }

            // URLs are credentials, so nothing of a section is printed.
            impl std::fmt::Debug for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.debug_struct(stringify!($name)).finish_non_exhaustive()
                }
            }
        )*
    };
}

sections! {
    /// A miner's file in the layout of the Go relay miner. `None`: not given, which is not always the same as 0.
    File {
        redis: Redis,
        pocket_node: PocketNode,
        keys: Keys,
        transaction: Transaction,
        metrics: Port,
        pprof: Port,
        logging: Logging,
        deduplication_ttl_blocks: i64,
        batch_size: i64,
        ack_batch_size: i64,
        hot_reload_enabled: bool,
        session_ttl: String,
        cache_ttl: String,
        smst_live_root_checkpoint_interval: i64,
        submission_tracking_ttl: String,
        supplier_reconcile_interval_seconds: i64,
        known_applications: Vec<String>,
        leader_election: LeaderElection,
        session_lifecycle: SessionLifecycle,
        balance_monitor: BalanceMonitor,
        block_time_seconds: u64,
        block_health_monitor: BlockHealthMonitor,
        settlement_monitor: SettlementMonitor,
        default_service_factor: f64,
        service_factors: BTreeMap<String, f64>,
        worker_pools: WorkerPools,
        supplier_claiming: SupplierClaiming,
        suppliers: Vec<serde_json::Value>,
    }

    /// `redis`
    Redis {
        url: String,
        pool_size: u64,
        min_idle_conns: u64,
        pool_timeout_seconds: u64,
        conn_max_idle_time_seconds: u64,
        namespace: Namespace,
        consumer_name: String,
        claim_idle_timeout_ms: i64,
    }

    /// `redis.namespace`
    Namespace {
        base_prefix: String,
        cache_prefix: String,
        events_prefix: String,
        streams_prefix: String,
        miner_prefix: String,
        supplier_prefix: String,
        meter_prefix: String,
        params_prefix: String,
        consumer_group_prefix: String,
    }

    /// `transaction`
    Transaction {
        gas_limit: u64,
        gas_price: String,
        gas_adjustment: f64,
        disable_claim_batching: bool,
        disable_proof_batching: bool,
        tx_timeout_min_seconds: i64,
        tx_timeout_max_seconds: i64,
        tx_timeout_default_seconds: i64,
        tx_timeout_clock_skew_buffer_seconds: i64,
        disable_pre_proof_claim_verification: bool,
        disable_inclusion_reconciler: bool,
        inclusion_reconciler_max_concurrent: i64,
        max_rebroadcasts: i64,
        rebroadcast_safety_blocks: i64,
        inclusion_reconciler_per_group_timeout_ms: i64,
    }

    /// `metrics` and `pprof`
    Port {
        enabled: bool,
        addr: String,
    }

    /// `logging`
    Logging {
        level: String,
        format: String,
        output: String,
        r#async: bool,
        async_buffer_size: i64,
        async_poll_interval: serde_json::Value,
        sampling: bool,
        sampling_initial: i64,
        sampling_thereafter: i64,
        enable_caller: bool,
    }

    /// `leader_election`
    LeaderElection {
        leader_ttl_seconds: u64,
        heartbeat_rate_seconds: u64,
    }

    /// `session_lifecycle`
    SessionLifecycle {
        max_concurrent_transitions: i64,
    }

    /// `balance_monitor`
    BalanceMonitor {
        enabled: bool,
        check_interval_seconds: u64,
        balance_threshold_upokt: u64,
        stake_warning_proof_threshold: u64,
        stake_critical_proof_threshold: u64,
    }

    /// `block_health_monitor`
    BlockHealthMonitor {
        enabled: bool,
        slowness_threshold: f64,
    }

    /// `settlement_monitor`
    SettlementMonitor {
        enabled: bool,
    }

    /// `worker_pools`
    WorkerPools {
        master_pool_size: i64,
        cpu_multiplier: i64,
        workers_per_supplier: i64,
        query_workers: i64,
        settlement_workers: i64,
    }

    /// `supplier_claiming`
    SupplierClaiming {
        claim_ttl_seconds: u64,
        renew_rate_seconds: u64,
        rebalance_interval_seconds: u64,
    }
}

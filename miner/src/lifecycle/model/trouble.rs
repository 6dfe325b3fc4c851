use proptest::prelude::*;

/// What goes wrong at one height.
#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each trouble comes or does not, independently of the others")]
pub(super) struct Trouble {
    /// The node that answers is so many blocks behind.
    pub(super) node_lags: i64,
    /// Questions get no answer.
    pub(super) query_fails: bool,
    /// What is broadcast reaches no mempool.
    pub(super) broadcast_lost: bool,
    /// The owner dies, or loses its lease, and another one takes over.
    pub(super) crash: bool,
    /// An owner of the past sends this one of all transactions once more.
    pub(super) stale_owner_sends: Option<usize>,
    /// A relayer still holds relays.
    pub(super) relayer_holds: bool,
    /// How often the owner looks at this height; 0 for a height that is skipped.
    pub(super) evaluations: u8,
    /// The block takes nothing.
    pub(super) block_full: bool,
    /// Mempools forget what they hold.
    pub(super) evicted: bool,
    /// Transactions run out of gas in the block.
    pub(super) out_of_gas: bool,
    /// The results of blocks can be read.
    pub(super) results_known: bool,
    /// Redis loses its last writes, as far as they were not durable.
    pub(super) redis_loses: u8,
    /// It loses them even if they were.
    pub(super) redis_lied: bool,
}

impl Trouble {
    pub(super) fn none() -> Self {
        Self {
            node_lags: 0,
            query_fails: false,
            broadcast_lost: false,
            crash: false,
            stale_owner_sends: None,
            relayer_holds: false,
            evaluations: 3,
            block_full: false,
            evicted: false,
            out_of_gas: false,
            results_known: true,
            redis_loses: 0,
            redis_lied: false,
        }
    }

    /// Whether nothing stands in the way of a transaction. Owners may die, block results be unreadable, and old bytes come
    /// again, all the same.
    pub(super) fn is_calm(&self) -> bool {
        self.node_lags == 0
            && !self.query_fails
            && !self.broadcast_lost
            && self.evaluations > 1
            && !self.block_full
            && !self.evicted
            && !self.out_of_gas
            && self.redis_loses == 0
    }
}

/// Names only what is wrong, so that a counterexample can be read.
impl std::fmt::Debug for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = [
            (self.node_lags > 0, format!("lag{}", self.node_lags)),
            (self.query_fails, "silent".to_owned()),
            (self.broadcast_lost, "lost".to_owned()),
            (self.crash, "crash".to_owned()),
            (self.stale_owner_sends.is_some(), format!("stale{:?}", self.stale_owner_sends)),
            (self.relayer_holds, "held".to_owned()),
            (self.evaluations != 3, format!("x{}", self.evaluations)),
            (self.block_full, "full".to_owned()),
            (self.evicted, "evicted".to_owned()),
            (self.out_of_gas, "gas".to_owned()),
            (!self.results_known, "unread".to_owned()),
            (self.redis_loses > 0, format!("loses{}", self.redis_loses)),
        ];
        let wrong: Vec<_> = words.into_iter().filter(|(wrong, _)| *wrong).map(|(_, word)| word).collect();
        write!(f, "<{}>", wrong.join(" "))
    }
}

prop_compose! {
    pub(super) fn trouble()(
        node_lags in prop_oneof![4 => Just(0_i64), 2 => 0_i64..4],
        query_fails in prop::bool::weighted(0.2),
        broadcast_lost in prop::bool::weighted(0.3),
        crash in prop::bool::weighted(0.3),
        stale_owner_sends in prop::option::weighted(0.3, 0_usize..40),
        relayer_holds: bool,
        evaluations in prop_oneof![1 => Just(0_u8), 8 => 1_u8..5],
        block_full in prop::bool::weighted(0.15),
        evicted in prop::bool::weighted(0.15),
        out_of_gas in prop::bool::weighted(0.15),
        results_known: bool,
        redis_loses in prop_oneof![12 => Just(0_u8), 1 => 1_u8..6],
    ) -> Trouble {
        Trouble {
            node_lags, query_fails, broadcast_lost, crash, stale_owner_sends, relayer_holds, evaluations, block_full,
            evicted, out_of_gas, results_known, redis_loses, redis_lied: false,
        }
    }
}

/// Troubles height by height, with calm stretches between them.
pub(super) fn troubles() -> impl Strategy<Value = Vec<Trouble>> {
    let calm = (proptest::collection::vec(any::<bool>(), 5..9), any::<bool>()).prop_map(|(crashes, results_known)| {
        crashes.into_iter().map(|crash| Trouble { crash, results_known, ..Trouble::none() }).collect::<Vec<_>>()
    });
    let stretch = prop_oneof![
        2 => proptest::collection::vec(trouble(), 1..12),
        1 => calm,
    ];
    proptest::collection::vec(stretch, 3..12).prop_map(|stretches| stretches.concat())
}

/// What a session is like.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent traits of one session")]
pub(super) struct Nature {
    /// The chain refuses its claim whatever comes.
    pub(super) poisoned: bool,
    /// Its proof is judged invalid.
    pub(super) proof_is_bad: bool,
    /// Heights at which the parameters that decide about the proof change.
    flips: Vec<i64>,
    required_at_first: bool,
    /// A failure names the message.
    pub(super) failure_has_index: bool,
    /// Gas is known without a simulation.
    pub(super) gas_is_known: bool,
}

impl Nature {
    pub(super) fn plain() -> Self {
        Self {
            poisoned: false,
            proof_is_bad: false,
            flips: Vec::new(),
            required_at_first: true,
            failure_has_index: true,
            gas_is_known: true,
        }
    }

    /// Whether a proof is required in a block of this height.
    pub(super) fn requires(&self, height: i64) -> bool {
        let flips = self.flips.iter().filter(|flip| **flip <= height).count();
        self.required_at_first == (flips % 2 == 0)
    }
}

prop_compose! {
    pub(super) fn nature()(
        poisoned in prop::bool::weighted(0.15),
        proof_is_bad in prop::bool::weighted(0.1),
        flips in proptest::collection::vec(30_i64..55, 0..3),
        required_at_first in prop::bool::weighted(0.7),
        failure_has_index: bool,
        gas_is_known: bool,
    ) -> Nature {
        Nature { poisoned, proof_is_bad, flips, required_at_first, failure_has_index, gas_is_known }
    }
}

//! What became of transactions in their blocks, read once for all suppliers of a process. No node needs an index for this.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use relay_core::chain::tx::TxHash;
use relay_core::chain::{Chain, Execution};
use relay_core::units::Height;
use tokio::sync::Mutex;
use tracing::debug;

/// Blocks that are kept.
const KEPT: usize = 32;

/// After a node did not answer, nobody asks again for so long: who sends must not wait for who looks back.
const PAUSE: Duration = Duration::from_secs(2);

/// The transactions of one block.
pub type Executed = Arc<HashMap<TxHash, Execution>>;

/// The newest blocks' transactions.
#[derive(Debug, Default)]
pub struct Executions(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    blocks: BTreeMap<Height, Executed>,
    failed: Option<Instant>,
}

impl Executions {
    /// The transactions of a block; `None` while no node can tell. Then module state alone says what was carried out.
    pub async fn of(&self, chain: &Chain, height: Height) -> Option<Executed> {
        let mut state = self.0.lock().await;
        if let Some(known) = state.blocks.get(&height) {
            return Some(known.clone());
        }
        if state.failed.is_some_and(|at| at.elapsed() < PAUSE) {
            return None;
        }
        match chain.executed(height).await {
            Ok(executed) => {
                let executed: Executed = Arc::new(executed.into_iter().collect());
                state.failed = None;
                state.blocks.insert(height, executed.clone());
                while state.blocks.len() > KEPT {
                    state.blocks.pop_first();
                }
                Some(executed)
            }
            Err(error) => {
                debug!(%height, %error, "what a block carried out is unknown for now");
                state.failed = Some(Instant::now());
                None
            }
        }
    }
}

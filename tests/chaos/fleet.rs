//! The processes under test and what is done to them.

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use testbed::Proxy;

use crate::fault::Step;
use crate::pool::{Pool, Relayer};
use crate::role::Role;
use crate::scenario::{MINERS, Recording};
use crate::stage::Stage;

/// Three miners and a relayer on one node, which may misbehave.
pub(crate) struct Fleet {
    pub(crate) miners: Vec<Role>,
    pub(crate) relayer: Relayer,
    pub(crate) node: Proxy,
    /// Blocks that jumps added to the chain's own.
    pub(crate) jumped: u64,
    /// Miners that did not end when they were asked to.
    hanging: Vec<String>,
}

impl Fleet {
    pub(crate) fn start(pool: &Pool, node: Proxy, recording: Recording) -> Self {
        // Longer than any fault: an answer that is withheld would be a relay less to look for.
        let recording = match recording {
            Recording::Strict => json!({"mode": "strict", "timeout": "10s"}),
            Recording::Bounded => json!({"mode": "bounded"}),
        };
        let miners = (0..MINERS).map(|number| pool.miner(&format!("miner-{number}"))).collect();
        let relayer = pool.relayer("relayer", json!({"recording": recording}));
        Self { miners, relayer, node, jumped: 0, hanging: Vec::new() }
    }

    pub(crate) async fn ready(&mut self) {
        for miner in &mut self.miners {
            miner.ready().await;
        }
        self.relayer.role.ready().await;
    }

    pub(crate) async fn perform(&mut self, step: Step, stage: &mut Stage) -> Result<(), testbed::Error> {
        match step {
            Step::KillMiner(miner) => self.miners[miner].kill().await,
            Step::StopMiner(miner) => self.miners[miner].stop(),
            Step::StartMiner(miner) => {
                let miner = &mut self.miners[miner];
                if miner.is_running() {
                    self.hanging.push(format!("asked to end, it still runs: {}", miner.log_text()));
                    miner.kill().await;
                }
                miner.start_again();
            }
            Step::FreezeMiner(miner) => self.miners[miner].signal(Signal::SIGSTOP),
            Step::ThawMiner(miner) => self.miners[miner].signal(Signal::SIGCONT),
            Step::KillRelayer => self.relayer.role.kill().await,
            Step::StartRelayer => self.relayer.role.start_again(),
            Step::KillRedis => stage.redis.kill().await?,
            Step::StartRedis => stage.redis.restart().await?,
            Step::PauseRedis { seconds } => stage.redis.client_pause(std::time::Duration::from_secs(seconds)).await?,
            Step::FillRedis => stage.redis.fill().await?,
            Step::DrainRedis => stage.redis.drain().await?,
            Step::CutPower { millis } => {
                let cut = testbed::Cut::Last(std::time::Duration::from_millis(millis));
                stage.redis.cut_power(cut).await?;
            }
            Step::Node(trouble) => self.node.set(trouble.faults()),
            Step::HealNode => self.node.heal(),
            Step::Jump { blocks } => {
                stage.chain.advance(blocks).await?;
                self.jumped += blocks;
            }
            Step::Windows { claim, proof } => {
                let windows = json!({
                    "claim_window_close_offset_blocks": claim, "proof_window_close_offset_blocks": proof,
                });
                stage.chain.set_params("shared", windows).await?;
            }
        }
        Ok(())
    }

    /// Processes that ended although nobody ended them, or did not although they were asked to.
    pub(crate) fn deserters(&mut self) -> Vec<String> {
        let all = self.miners.iter_mut().chain([&mut self.relayer.role]);
        all.filter_map(Role::ended_by_itself).chain(self.hanging.drain(..)).collect()
    }

    /// What each miner says of itself.
    pub(crate) async fn miners_say(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for miner in &self.miners {
            all.push(miner.status().await);
        }
        all
    }
}

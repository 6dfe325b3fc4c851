use std::time::{Duration, Instant};

use relay_core::chain::Chain;
use relay_core::proof::ProofParams;
use relay_core::units::Height;
use tokio::sync::Mutex;

/// After a node did not answer, nobody asks again for so long.
const PAUSE: Duration = Duration::from_secs(2);

/// The proof parameters of the newest block, asked for once a block for all suppliers of a process. The chain reads them live,
/// so what was true a block ago decides nothing.
#[derive(Debug, Default)]
pub struct LiveParams(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    params: Option<(Height, ProofParams)>,
    failed: Option<(Instant, String)>,
}

impl LiveParams {
    /// The parameters at this block.
    pub async fn at(&self, chain: &Chain, height: Height) -> Result<ProofParams, String> {
        let mut known = self.0.lock().await;
        if let Some((at, params)) = known.params
            && at >= height
        {
            return Ok(params);
        }
        if let Some((at, reason)) = &known.failed
            && at.elapsed() < PAUSE
        {
            return Err(reason.clone());
        }
        let answer = chain.proof_params_now().await.map_err(|error| error.to_string());
        match answer.and_then(|params| ProofParams::try_from(&*params).map_err(|error| error.to_string())) {
            Ok(params) => {
                *known = Known { params: Some((height, params)), failed: None };
                Ok(params)
            }
            Err(reason) => {
                known.failed = Some((Instant::now(), reason.clone()));
                Err(reason)
            }
        }
    }
}

use std::time::Duration;

use super::Finding;
use crate::chain::{Chain, ChainConfig, ChainError, ChainTime, NodeConfig, Status};
use crate::config::ChainSection;
use crate::units::Height;

/// A block is proposed at a time that its proposer's clock shows, so a little ahead is usual.
const CLOCK_SLACK: Duration = Duration::from_secs(10);
/// One block is the time between two answers.
const USUAL_LAG: i64 = 1;

/// Do all nodes answer, on both doors, for one chain, and at one height? Does the clock agree with the blocks?
/// A newest block older than `oldest` is told.
pub async fn nodes(section: &ChainSection, oldest: Duration) -> Vec<Finding> {
    let chain = match Chain::new(&ChainConfig::from(section)) {
        Ok(chain) => chain,
        Err(error) => return vec![Finding::error("chain.nodes", error.to_string())],
    };
    let questions = section.nodes.iter().map(|node| by_grpc(section, node));
    let (survey, by_grpc) = tokio::join!(chain.survey(), futures::future::join_all(questions));
    let best = survey.iter().flat_map(|(_, status)| status).map(|status| status.height).max().unwrap_or_default();
    let reachable = survey.iter().zip(&by_grpc).any(|((_, rpc), grpc)| rpc.is_ok() && grpc.is_ok());
    let now = ChainTime::wall_clock();
    let mut findings = Vec::new();
    for ((name, rpc), grpc) in survey.iter().zip(by_grpc) {
        let subject = format!("chain.nodes.{name}");
        match rpc {
            Ok(status) => findings.extend(standing(&subject, status, best, now, oldest)),
            Err(error) => findings.push(unreachable(format!("{subject}.rpc"), error, reachable)),
        }
        if let Err(error) = grpc {
            findings.push(unreachable(format!("{subject}.grpc"), &error, reachable));
        }
    }
    findings
}

/// A question that any node can answer.
async fn by_grpc(section: &ChainSection, node: &NodeConfig) -> Result<(), ChainError> {
    let alone = ChainSection { nodes: vec![node.clone()], ..section.clone() };
    Chain::new(&ChainConfig::from(&alone))?.shared_params().await.map(|_| ())
}

/// Without any node a role waits; with another one it works. A node of another chain is a mistake in any case.
fn unreachable(subject: String, error: &ChainError, another_works: bool) -> Finding {
    let text = error.to_string();
    match error {
        ChainError::Transient { .. } | ChainError::Unimplemented { .. } if another_works => {
            Finding::warning(subject, text)
        }
        _ => Finding::error(subject, text),
    }
}

fn standing(subject: &str, status: &Status, best: Height, now: ChainTime, oldest: Duration) -> Vec<Finding> {
    let mut findings = vec![Finding::info(subject, format!("chain {} at height {}", status.chain_id, status.height))];
    let behind = best - status.height;
    if status.catching_up {
        findings.push(Finding::warning(subject, "it is still catching up with the chain; name it last, or wait"));
    } else if behind > USUAL_LAG {
        findings.push(Finding::warning(subject, format!("it is {behind} blocks behind the others")));
    }
    let (ahead, age) = (status.time.since(now), now.since(status.time));
    if ahead > CLOCK_SLACK {
        let text = format!(
            "this machine is {} s behind the time of the newest block: correct its clock, else credentials and leases are misjudged",
            ahead.as_secs()
        );
        findings.push(Finding::error("clock", text));
    } else if age > oldest {
        let text = format!(
            "the newest block is {} s old: the node or the chain stands still, or this machine's clock \
             is ahead",
            age.as_secs()
        );
        findings.push(Finding::warning(subject, text));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::Level;

    fn at(seconds: i64, height: i64, catching_up: bool) -> Status {
        Status {
            node: "n".to_owned(),
            chain_id: "pocket".to_owned(),
            height: Height(height),
            time: ChainTime::from_parts(seconds, 0),
            earliest_height: Height(1),
            earliest_hash: [0; 32],
            catching_up,
        }
    }

    fn judged(status: &Status) -> Vec<(Level, String)> {
        let now = ChainTime::from_parts(1_000, 0);
        let findings = standing("n", status, Height(100), now, Duration::from_mins(5));
        findings.into_iter().skip(1).map(|finding| (finding.level, finding.text)).collect()
    }

    #[test]
    fn a_node_at_the_tip_is_good() {
        assert_eq!(judged(&at(999, 100, false)), []);
        assert_eq!(judged(&at(1_005, 99, false)), [], "clocks differ by seconds, answers by a block");
    }

    #[test]
    fn lag_and_clocks_are_told() {
        let only = |status| {
            let mut judged = judged(&status);
            assert_eq!(judged.len(), 1, "{judged:?}");
            judged.remove(0)
        };
        assert!(matches!(only(at(999, 90, false)), (Level::Warning, text) if text.contains("10 blocks behind")));
        assert!(matches!(only(at(999, 90, true)), (Level::Warning, text) if text.contains("catching up")));
        assert!(matches!(only(at(1_060, 100, false)), (Level::Error, text) if text.contains("60 s behind")));
        assert!(matches!(only(at(600, 100, false)), (Level::Warning, text) if text.contains("400 s old")));
    }
}

//! Events on their way to a client, held back by a delay or by the lag of the node.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use super::Faults;
use super::upstream::number;

/// More than this and the client is cut off, as a node does with a client that does not keep up.
const LIMIT: usize = 10_000;

/// Messages in the order of their arrival.
#[derive(Debug, Default)]
pub(super) struct Held {
    messages: VecDeque<Waiting>,
    /// The highest block that an event told of.
    tip: i64,
}

#[derive(Debug)]
struct Waiting {
    message: Message,
    /// The block that it tells of; nothing for an answer to a request.
    height: Option<i64>,
    arrived: Instant,
}

impl Held {
    /// Takes a message of the node; answers whether there was room for it.
    pub(super) fn push(&mut self, message: Message, faults: &Faults) -> bool {
        let height = match &message {
            Message::Text(text) => serde_json::from_str(text).ok().and_then(|value| event_height(&value)),
            _ => None,
        };
        self.tip = self.tip.max(height.unwrap_or_default());
        if !(faults.swallow_events && height.is_some()) {
            self.messages.push_back(Waiting { message, height, arrived: Instant::now() });
        }
        self.messages.len() <= LIMIT
    }

    /// The next message whose time has come.
    pub(super) fn pop(&mut self, faults: &Faults) -> Option<Message> {
        let first = self.messages.front()?;
        let ready = self.seen(first, faults) && first.arrived.elapsed() >= delay(faults);
        if ready { self.messages.pop_front().map(|first| first.message) } else { None }
    }

    /// How long to wait for the next message, unless an event or another fault comes first.
    pub(super) fn wait(&self, faults: &Faults) -> Duration {
        match self.messages.front() {
            Some(first) if self.seen(first, faults) => delay(faults).saturating_sub(first.arrived.elapsed()),
            _ => Duration::MAX,
        }
    }

    /// Whether a node with this lag knows of it.
    fn seen(&self, waiting: &Waiting, faults: &Faults) -> bool {
        let (Some(height), Some(lag)) = (waiting.height, faults.lag) else { return true };
        height <= self.tip - i64::from(lag.blocks)
    }
}

fn delay(faults: &Faults) -> Duration {
    if faults.concern("websocket") { faults.delay } else { Duration::ZERO }
}

/// The block of an event, wherever its kind keeps the number.
fn event_height(message: &Value) -> Option<i64> {
    let value = &message["result"]["data"]["value"];
    let places = [
        &value["block"]["header"]["height"],
        &value["header"]["height"],
        &value["TxResult"]["height"],
        &value["height"],
    ];
    places.into_iter().find_map(number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn block(height: i64) -> Message {
        let value = json!({"block": {"header": {"height": height.to_string()}}});
        Message::text(json!({"result": {"data": {"value": value}}}).to_string())
    }

    #[test]
    fn an_event_waits_for_as_many_blocks_as_the_node_is_behind() {
        let (mut held, faults) = (Held::default(), Faults::lagging(2));
        held.push(block(10), &faults);
        held.push(block(11), &faults);
        assert_eq!(held.pop(&faults), None);
        held.push(block(12), &faults);
        assert_eq!(held.pop(&faults), Some(block(10)));
        assert_eq!(held.pop(&faults), None);
        assert_eq!(held.pop(&Faults::default()), Some(block(11)), "healed: what was held goes out");
    }

    #[test]
    fn a_quiet_feed_still_answers() {
        let mut held = Held::default();
        let faults = Faults { swallow_events: true, ..Faults::default() };
        held.push(block(10), &faults);
        let reply = Message::text(json!({"id": 1, "result": {}}).to_string());
        held.push(reply.clone(), &faults);
        assert_eq!(held.pop(&faults), Some(reply));
        assert_eq!(held.pop(&faults), None);
    }
}

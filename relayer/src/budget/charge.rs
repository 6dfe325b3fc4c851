use std::sync::Arc;

use super::Meter;

/// One relay's part of a budget. Dropped without [`Charge::commit`] it is released: what was refused, or got no answer, costs
/// the application nothing.
#[derive(Debug)]
pub(crate) struct Charge(Option<Arc<Meter>>);

impl Charge {
    /// Of a relayer that does not meter.
    pub(super) fn free() -> Self {
        Self(None)
    }

    /// Of a relay that is reserved in `meter`.
    pub(super) fn reserved(meter: Arc<Meter>) -> Self {
        Self(Some(meter))
    }

    /// The relay was answered. `shown`: the log has it, or has others in its place because its service is hard.
    pub(crate) fn commit(mut self, shown: bool) {
        if let Some(meter) = self.0.take() {
            meter.tally().commit(shown);
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        if let Some(meter) = self.0.take() {
            meter.tally().release();
        }
    }
}

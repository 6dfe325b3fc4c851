//! What can change while a relayer runs.

use relay_core::keys::KeyRing;

use crate::service::ServiceMap;
use crate::simulation::Simulation;

/// Services, keys and simulation of one moment. A relay uses the same from its start to its end.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) services: ServiceMap,
    pub(crate) keys: KeyRing,
    pub(crate) simulation: Simulation,
}

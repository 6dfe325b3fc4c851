//! The services that a relayer serves.

use std::collections::HashMap;
use std::sync::Arc;

use relay_core::units::ServiceId;

use crate::backend::{Backend, BackendError, Connections};
use crate::config::Services;

/// A configured service.
#[derive(Debug)]
pub(crate) struct Service {
    /// Its id, as a label.
    pub(crate) label: Arc<str>,
    /// The node behind it.
    pub(crate) backend: Arc<Backend>,
}

/// All of them, by id.
pub(crate) type ServiceMap = HashMap<ServiceId, Arc<Service>>;

/// Builds every service; nothing is dialled yet.
pub(crate) fn build(services: &Services, response_bytes: usize) -> Result<ServiceMap, BackendError> {
    let connections = Connections::new()?;
    let built = services.iter().map(|(id, config)| {
        let backend = Backend::new(connections.clone(), &config.backend, response_bytes)?;
        Ok((id.clone(), Arc::new(Service { label: id.as_str().into(), backend })))
    });
    built.collect()
}

use std::ffi::OsString;
use std::path::Path;

use super::audit;
use crate::Error;

/// How a control plane is started.
#[derive(Debug, Clone, Default)]
pub struct KubernetesSettings {
    fake_nodes: usize,
    metrics: bool,
    audit: bool,
    apiserver: Vec<String>,
}

impl KubernetesSettings {
    /// Without nodes: pods stay pending.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// So many nodes, on which pods become ready at once and nothing really runs. Annotations on a pod steer it:
    /// `kubernetes-testbed/ready: "false"`, `kubernetes-testbed/phase: Failed`.
    #[must_use]
    pub fn fake_nodes(self, count: usize) -> Self {
        Self { fake_nodes: count, ..self }
    }

    /// Serves `metrics.k8s.io` from the annotations `kubernetes-testbed/cpu` and `kubernetes-testbed/memory` of pods, and
    /// `external.metrics.k8s.io` from the config map `kubernetes-testbed-metrics` of a namespace.
    #[must_use]
    pub fn metrics(self) -> Self {
        Self { metrics: true, ..self }
    }

    /// Writes down every request, for [`super::Kubernetes::audit`].
    #[must_use]
    pub fn audit(self) -> Self {
        Self { audit: true, ..self }
    }

    /// One more flag of the API server.
    #[must_use]
    pub fn apiserver(mut self, flag: impl Into<String>) -> Self {
        self.apiserver.push(flag.into());
        self
    }

    pub(super) fn arguments(&self, folder: &Path) -> Result<Vec<OsString>, Error> {
        let mut flags = self.apiserver.clone();
        if self.audit {
            flags.extend(audit::flags(folder)?);
        }
        let mut arguments: Vec<OsString> =
            flags.into_iter().flat_map(|flag| ["--apiserver-arg".into(), flag.into()]).collect();
        if self.fake_nodes > 0 {
            arguments.extend(["--fake-nodes".into(), self.fake_nodes.to_string().into()]);
        }
        if self.metrics {
            arguments.push("--metrics".into());
        }
        Ok(arguments)
    }
}

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// What panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Component {
    /// Answering a request, whatever it carries.
    Listener,
    /// A verified relay on its way to its answer.
    Pipeline,
    /// A stream.
    Stream,
}

impl EncodeLabelValue for Component {
    fn encode(&self, encoder: &mut prometheus_client::encoding::LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        let name = match self {
            Self::Listener => "proxy_server",
            Self::Pipeline => "relay_pipeline",
            Self::Stream => "http_stream",
        };
        EncodeLabelValue::encode(&name, encoder)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByComponent {
    component: Component,
}

/// Panics that cost one relay and nothing else. Any at all is a defect.
#[derive(Debug, Clone, Default)]
pub(crate) struct Panics(Family<ByComponent, Counter>);

impl Panics {
    /// `registry` is the one without a prefix: the name is shared by all roles.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let panics = Self::default();
        registry.register("ha_panic_recoveries", "Panics that were caught", panics.0.clone());
        panics
    }

    pub(crate) fn recovered(&self, component: Component) {
        tracing::error!(?component, "a panic was caught; please report it");
        self.0.get_or_create(&ByComponent { component }).inc();
    }
}

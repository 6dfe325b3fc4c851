//! Who may write for a supplier.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use redis::Pipeline;
use serde::{Deserialize, Serialize};

use super::command::Call;
use super::{Store, StoreError, scripts};
use crate::address::Address;

/// The most leases that one round trip is about, so that no other command waits long behind it.
pub const LEASES_A_ROUND: usize = 200;

/// A running process, by a random name that no other one ever has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstanceId(Arc<str>);

impl InstanceId {
    /// A new name.
    #[must_use]
    pub fn random() -> Self {
        Self(hex::encode(rand::random::<[u8; 16]>()).into())
    }

    /// 32 hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn from_stored(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The token of one tenure. Writes carry it and are refused unless the lease carries the very same one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fence {
    /// The owner.
    pub instance: InstanceId,
    /// Counts tenures of the supplier. Redis may lose its tail and count twice, so this alone tells nothing apart.
    pub epoch: u64,
    /// Tells tenures of one instance apart even then. After a dot: the first epoch of the unbroken row of its tenures.
    nonce: Arc<str>,
}

impl Fence {
    /// Whether nobody but this instance owned the supplier since `earlier`. In between it may have acquired the lease without
    /// hearing of it, when the answer came too late.
    #[must_use]
    pub fn continues(&self, earlier: &Self) -> bool {
        self.instance == earlier.instance && self.epoch > earlier.epoch && self.first_epoch() <= earlier.epoch + 1
    }

    fn first_epoch(&self) -> u64 {
        self.nonce.rsplit_once('.').and_then(|(_, first)| first.parse().ok()).unwrap_or(self.epoch)
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.instance, self.epoch, self.nonce)
    }
}

impl FromStr for Fence {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let malformed = || StoreError::malformed("a lease", text);
        let mut parts = text.split('/');
        let (Some(instance), Some(epoch), Some(nonce), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed());
        };
        let epoch = epoch.parse().map_err(|_| malformed())?;
        Ok(Self { instance: InstanceId::from_stored(instance), epoch, nonce: nonce.into() })
    }
}

/// A tenure, and how long it lasts unless it is renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Whose writes it allows.
    pub supplier: Address,
    /// Under which token.
    pub fence: Fence,
    /// Counted from before the request, so that it ends here no later than in Redis.
    ends: Duration,
}

impl Lease {
    /// A lease that ends at this monotonic time: what a test has instead of a Redis.
    #[must_use]
    pub fn until(supplier: Address, fence: Fence, ends: Duration) -> Self {
        Self { supplier, fence, ends }
    }

    /// The monotonic time of [`Store::clock`] at which it ends unless it is renewed.
    #[must_use]
    pub fn ends(&self) -> Duration {
        self.ends
    }

    /// Whether it still lasts at this monotonic time of [`Store::clock`]. Once it does not, it never does again.
    #[must_use]
    pub fn lasts(&self, now: Duration) -> bool {
        now < self.ends
    }
}

/// The outcome of trying to take a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acquisition {
    /// It is ours, under a new token.
    Acquired(Lease),
    /// Somebody else has it.
    HeldBy {
        /// Who.
        fence: Fence,
        /// For how long, unless it is renewed.
        remaining: Duration,
    },
}

impl Store {
    /// Takes the lease of a supplier when it is free.
    ///
    /// An instance that finds the lease in its own name gets a *new* token: what it knew under the old one may be out of date,
    /// and writes under the old one are refused from then on.
    pub async fn acquire(&self, supplier: &Address, instance: &InstanceId) -> Result<Acquisition, StoreError> {
        let asked_at = self.clock().monotonic();
        let answer = self.shared.link.call(self.acquire_call(supplier, instance)).await?;
        self.acquisition(supplier, asked_at, answer)
    }

    /// Takes the leases of several suppliers where they are free, in one round trip; outcomes in the order of the suppliers.
    /// Give at most [`LEASES_A_ROUND`] at once.
    pub async fn acquire_all(
        &self,
        suppliers: &[Address],
        instance: &InstanceId,
    ) -> Result<Vec<Acquisition>, StoreError> {
        let asked_at = self.clock().monotonic();
        let calls: Vec<Call> = suppliers.iter().map(|supplier| self.acquire_call(supplier, instance)).collect();
        let answers = self.shared.link.calls(&calls).await?;
        suppliers.iter().zip(answers).map(|(supplier, answer)| self.acquisition(supplier, asked_at, answer)).collect()
    }

    /// Who holds the leases of these suppliers, in their order; `None` for a lease that nobody holds. Changes nothing.
    /// Give at most [`LEASES_A_ROUND`] at once.
    pub async fn holders(&self, suppliers: &[Address]) -> Result<Vec<Option<Fence>>, StoreError> {
        if suppliers.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = Pipeline::with_capacity(suppliers.len());
        for supplier in suppliers {
            pipeline.cmd("GET").arg(self.shared.keys.lease(supplier));
        }
        let tokens: Vec<Option<String>> = self.shared.link.pipe(&pipeline).await?;
        tokens.into_iter().map(|token| token.map(|token| token.parse()).transpose()).collect()
    }

    /// Prolongs leases in one round trip, at most [`LEASES_A_ROUND`] at once. `None` for each that is lost; it must be acquired anew.
    ///
    /// A lease whose time has passed by our own clock is lost without asking, even if Redis still has it in our name: in the
    /// meantime somebody may have had it and given it back.
    pub async fn renew(&self, leases: &[Lease]) -> Result<Vec<Option<Lease>>, StoreError> {
        let asked_at = self.clock().monotonic();
        let alive: Vec<&Lease> = leases.iter().filter(|lease| lease.lasts(asked_at)).collect();
        let calls: Vec<Call> = alive.iter().map(|lease| self.renew_call(lease)).collect();
        let renewed: Vec<u8> = self.shared.link.calls(&calls).await?;
        let mut renewed = renewed.into_iter();
        let ends = asked_at + self.shared.config.lease.0;
        let outcome = |lease: &Lease| {
            let kept = lease.lasts(asked_at) && renewed.next() == Some(1);
            kept.then(|| Lease { ends, ..lease.clone() })
        };
        Ok(leases.iter().map(outcome).collect())
    }

    /// Gives leases back in one round trip, at most [`LEASES_A_ROUND`] at once, so that nobody has to wait for their end. Those that are lost already are left alone.
    pub async fn release(&self, leases: &[Lease]) -> Result<(), StoreError> {
        let call = |lease: &Lease| {
            Call::new(&scripts::RELEASE).key(self.shared.keys.lease(&lease.supplier)).argument(lease.fence.to_string())
        };
        let calls: Vec<Call> = leases.iter().map(call).collect();
        self.shared.link.calls::<u8>(&calls).await.map(|_| ())
    }

    fn acquire_call(&self, supplier: &Address, instance: &InstanceId) -> Call {
        Call::new(&scripts::ACQUIRE)
            .key(self.shared.keys.lease(supplier))
            .key(self.shared.keys.epoch(supplier))
            .argument(instance.as_str())
            .argument(hex::encode(rand::random::<[u8; 8]>()))
            .argument(self.lease_milliseconds())
    }

    fn acquisition(
        &self,
        supplier: &Address,
        asked_at: Duration,
        (acquired, token, remaining): (u8, String, i64),
    ) -> Result<Acquisition, StoreError> {
        let fence: Fence = token.parse()?;
        if acquired == 1 {
            let ends = asked_at + self.shared.config.lease.0;
            return Ok(Acquisition::Acquired(Lease { supplier: supplier.clone(), fence, ends }));
        }
        let remaining = Duration::from_millis(u64::try_from(remaining).unwrap_or_default());
        Ok(Acquisition::HeldBy { fence, remaining })
    }

    fn renew_call(&self, lease: &Lease) -> Call {
        Call::new(&scripts::RENEW)
            .key(self.shared.keys.lease(&lease.supplier))
            .argument(lease.fence.to_string())
            .argument(self.lease_milliseconds())
    }

    fn lease_milliseconds(&self) -> u64 {
        u64::try_from(self.shared.config.lease.0.as_millis()).unwrap_or(u64::MAX)
    }
}

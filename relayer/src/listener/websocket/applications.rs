use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use relay_core::address::Address;

/// Open sockets by application. It only knows applications that have signed something.
#[derive(Debug)]
pub(super) struct Applications {
    most: usize,
    open: Mutex<HashMap<Address, usize>>,
}

/// A socket of an application, until it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    applications: Arc<Applications>,
    application: Address,
}

impl Applications {
    /// Each may have `most` sockets.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, open: Mutex::default() })
    }

    /// `None` when the application has too many.
    pub(super) fn sit(self: &Arc<Self>, application: &Address) -> Option<Seat> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let sockets = open.entry(application.clone()).or_default();
        if *sockets >= self.most {
            return None;
        }
        *sockets += 1;
        Some(Seat { applications: Arc::clone(self), application: application.clone() })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.applications.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sockets) = open.get_mut(&self.application) {
            *sockets -= 1;
            if *sockets == 0 {
                open.remove(&self.application);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use relay_core::address::SecretKey;

    use super::*;

    #[test]
    fn seats_are_given_back_and_applications_forgotten() {
        let applications = Applications::new(2);
        let application = |byte| SecretKey::from_bytes(&[byte; 32]).unwrap().address().clone();
        let first = applications.sit(&application(1)).unwrap();
        let _second = applications.sit(&application(1)).unwrap();
        assert!(applications.sit(&application(1)).is_none());
        let other = applications.sit(&application(2)).unwrap();
        drop((first, other));
        assert!(applications.sit(&application(1)).is_some());
        assert_eq!(applications.open.lock().unwrap().len(), 1);
    }
}

//! Time that passes when a history says so, and ids.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use policy::Timestamp;
use uuid::Uuid;

/// Time and ids, the same for all replicas.
#[derive(Debug, Default)]
pub struct Clock {
    now: AtomicI64,
    next: AtomicU64,
}

impl Clock {
    pub fn set(&self, now: i64) {
        self.now.store(now, Ordering::SeqCst);
    }

    pub fn now(&self) -> Timestamp {
        Timestamp(self.now.load(Ordering::SeqCst))
    }

    /// A `UUIDv7` of this moment.
    pub fn id(&self) -> Uuid {
        let milliseconds = u128::try_from(self.now().0).unwrap() * 1000;
        let number = u128::from(self.next.fetch_add(1, Ordering::SeqCst));
        Uuid::from_u128((milliseconds << 80) | (7 << 76) | (2 << 62) | number)
    }
}

//! Where a replica dies: at one of its calls of the ledger, before, in the middle of it, or after.

use std::{
    future::pending,
    sync::{Mutex, mpsc::Sender},
};

use tokio::task::yield_now;

use crate::step::{Fuse, Moment};

/// The fuse of one replica, shared by everything it calls.
#[derive(Debug, Default)]
pub struct Fused(Mutex<Option<(Fuse, Sender<()>)>>);

impl Fused {
    pub fn light(&self, fuse: Fuse, blown: Sender<()>) {
        *self.0.lock().unwrap() = Some((fuse, blown));
    }

    pub fn put_out(&self) {
        *self.0.lock().unwrap() = None;
    }

    /// A call, unless it is the one that nothing comes back from.
    pub async fn through<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        let Some((at, blown)) = self.burn() else { return work.await };
        match at {
            Moment::Before => {}
            Moment::During(times) => {
                let work = tokio::spawn(work);
                for _ in 0..times {
                    yield_now().await;
                }
                drop(work);
            }
            Moment::After => drop(work.await),
        }
        let _nobody_may_wait = blown.send(());
        pending().await
    }

    fn burn(&self) -> Option<(Moment, Sender<()>)> {
        let mut fuse = self.0.lock().unwrap();
        let (Fuse { call, at }, _) = fuse.as_mut()?;
        if *call == 0 {
            let at = *at;
            return fuse.take().map(|(_, blown)| (at, blown));
        }
        *call -= 1;
        None
    }
}

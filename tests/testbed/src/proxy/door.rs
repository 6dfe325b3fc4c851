//! A listening socket whose connections can be delayed and cut.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep};

use super::{Faults, Upstream};
use crate::Error;

/// One listening port of the proxy.
#[derive(Debug)]
pub(super) struct Door {
    address: SocketAddr,
    faults: watch::Sender<Faults>,
    /// Counts cuts: a connection ends when the number is no longer the one it began with.
    cuts: watch::Sender<u64>,
    task: JoinHandle<()>,
}

/// What a connection needs to know: the node behind, and the faults in force.
#[derive(Debug, Clone)]
pub(super) struct Passage {
    pub(super) upstream: Arc<Upstream>,
    pub(super) faults: watch::Receiver<Faults>,
    cuts: watch::Receiver<u64>,
}

impl Door {
    /// Listens on a free port; `serve` speaks the protocol on each connection until its end.
    pub(super) async fn open<S, F>(upstream: Arc<Upstream>, serve: S) -> Result<Self, Error>
    where
        S: Fn(TcpStream, Passage) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(Error::io("listen for the proxy"))?;
        let address = listener.local_addr().map_err(Error::io("listen for the proxy"))?;
        let (faults, watched) = watch::channel(Faults::default());
        let (cuts, cut) = watch::channel(0);
        let passage = Passage { upstream, faults: watched, cuts: cut };
        let task = tokio::spawn(accept(listener, passage, serve));
        Ok(Self { address, faults, cuts, task })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn set(&self, faults: Faults) {
        let cut = faults.cut;
        self.faults.send_replace(faults);
        if cut {
            self.cut();
        }
    }

    pub(super) fn cut(&self) {
        self.cuts.send_modify(|count| *count += 1);
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept<S, F>(listener: TcpListener, passage: Passage, serve: S)
where
    S: Fn(TcpStream, Passage) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new(); // ends with this task
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        if passage.faults.borrow().cut {
            continue; // dropping the stream closes it
        }
        let _ = stream.set_nodelay(true); // only latency is at stake
        let connection = serve(stream, passage.clone());
        let passage = passage.clone();
        connections.spawn(async move {
            tokio::select! {
                () = connection => {}
                () = passage.cut() => {}
            }
        });
    }
}

impl Passage {
    /// Returns when this connection is to be cut, or the door is closed for good.
    pub(super) async fn cut(&self) {
        let mut cuts = self.cuts.clone();
        let began = *self.cuts.borrow();
        // An error means that the door is gone: that ends the connection too.
        let _ = cuts.wait_for(|count| *count != began).await;
    }

    /// Whether the door still stands.
    pub(super) fn open(&self) -> bool {
        self.faults.has_changed().is_ok()
    }

    /// Waits out the delay that concerns this path, and answers with the faults then in force for it.
    pub(super) async fn hold(&self, path: &str) -> Faults {
        let mut watched = self.faults.clone();
        let began = Instant::now();
        loop {
            let mut faults = watched.borrow_and_update().clone();
            if !faults.concern(path) {
                faults.failure = None;
                return faults;
            }
            tokio::select! {
                () = sleep(faults.delay.saturating_sub(began.elapsed())) => return faults,
                changed = watched.changed() => if changed.is_err() { return faults },
            }
        }
    }
}

//! The server of the Runtime and the Extensions API: one function's processes on one side, whoever invokes it on the other.
//! The only async code of the project runs here, in one thread.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::Notify;

use super::exchange::{Exchange, Notice};
use super::extensions::Registry;
use super::invocation::Invocation;
use super::routes::{self, Api};
use crate::error::Result;

/// A Runtime API on a free port of 127.0.0.1, until it is dropped.
///
/// What the function does comes as [`Notice`]s; any number of events can be queued, and are handed over one at a time.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    api: Arc<Api>,
    stop: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts the server of a function of this name, which sends what happens to `notices`.
    pub fn start(notices: Sender<Notice>, function: &str) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()?;
        let api = Arc::new(Api {
            function: function.to_owned(),
            exchange: Exchange::new(notices.clone()),
            extensions: Registry::new(notices),
        });
        let stop = Arc::new(Notify::new());
        let (shared, stopped) = (api.clone(), stop.clone());
        let thread = std::thread::Builder::new()
            .name("runtime-api".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::spawn(serve(listener, shared));
                    stopped.notified().await;
                });
            })?;
        Ok(Self {
            address,
            api,
            stop,
            thread: Some(thread),
        })
    }

    /// Where the server listens: the value of `AWS_LAMBDA_RUNTIME_API`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Queues an event, and tells the extensions of it. Its time begins when the function takes it.
    pub fn queue(&self, invocation: Invocation) {
        self.api.extensions.invoke(&invocation);
        self.api.exchange.queue(invocation);
    }

    /// Gives up on an invocation: a later answer to it is refused.
    pub fn abandon(&self, request_id: &str) {
        self.api.exchange.abandon(request_id);
    }

    /// The extensions beside the function.
    pub(super) fn extensions(&self) -> &Registry {
        &self.api.extensions
    }
}

impl Server {
    /// Hangs up on the function and answers no more.
    pub fn stop(&mut self) {
        self.stop.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn serve(listener: TcpListener, api: Arc<Api>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    loop {
        // A connection that failed before it was accepted is its client's to repeat.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let api = api.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| routes::route(&api, request));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            // A client that hangs up or speaks no HTTP has had its answer from hyper.
            let _ = connection.await;
        });
    }
}

#[cfg(test)]
pub(super) mod client;
#[cfg(test)]
mod tests;

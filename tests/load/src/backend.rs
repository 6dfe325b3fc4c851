//! The backend of the measurement, a process of its own: answers every call at once with the same body.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::Error;
use crate::caller::Inbox;

/// The first argument with which this program is the backend.
pub(crate) const COMMAND: &str = "backend";

const BODY: &str = r#"{"jsonrpc":"2.0","id":1,"result":"0x1234567"}"#;
const STACK_BYTES: usize = 64 << 10;

/// A running backend. It ends with this.
pub(crate) struct Backend {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Backend {
    /// Starts this very program as a backend.
    pub(crate) fn start(address: SocketAddr) -> Result<Self, Error> {
        let program = std::env::current_exe().map_err(Error::io("find this program"))?;
        // The pipe ends with this process, and the backend with the pipe.
        let mut command = Command::new(program);
        command.args([COMMAND, &address.to_string()]).stdin(Stdio::piped());
        let child = command.spawn().map_err(Error::io("start the backend"))?;
        crate::caller::wait_for(address)?;
        Ok(Self { child, address })
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        // It has no state.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The life of the backend's process, until its standard input ends.
pub(crate) fn serve() -> Result<(), Error> {
    let address = std::env::args().nth(2).unwrap_or_default();
    let listener = TcpListener::bind(address).map_err(Error::io("listen for the backend"))?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answering = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || answer(stream));
            drop(answering);
        }
    });
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    Ok(())
}

fn answer(mut stream: TcpStream) {
    // Only latency is at stake.
    let _ = stream.set_nodelay(true);
    let length = BODY.len();
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{BODY}");
    let mut inbox = Inbox::default();
    while inbox.message(&mut stream).is_ok() && stream.write_all(answer.as_bytes()).is_ok() {}
}

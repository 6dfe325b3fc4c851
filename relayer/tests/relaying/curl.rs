use std::process::Stdio;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::stage::within;

/// What `curl` got: a client that nobody here wrote.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Status line and headers, in lower case.
    pub(crate) head: String,
    pub(crate) body: Bytes,
}

impl Reply {
    /// The text under `error`.
    pub(crate) fn error(&self) -> String {
        let json: serde_json::Value = serde_json::from_slice(&self.body).expect("an error is JSON");
        json["error"].as_str().unwrap().to_owned()
    }
}

/// Runs `curl` with arguments and this body; `Err` with what it says when it gets no answer.
pub(crate) async fn curl(arguments: &[&str], body: impl Into<Bytes>) -> Result<Reply, String> {
    let mut command = Command::new("curl");
    command.args([
        "--silent",
        "--show-error",
        "--include",
        "--max-time",
        "40",
        "--noproxy",
        "*",
        "--data-binary",
        "@-",
    ]);
    command.args(["-H", "expect:"]).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("curl is installed (scripts/prerequisites)");
    let (mut input, body) = (child.stdin.take().unwrap(), body.into());
    let feed = async move {
        // It may have its answer before it has read everything.
        let _ = input.write_all(&body).await;
        drop(input);
    };
    let (output, ()) = within(async { tokio::join!(child.wait_with_output(), feed) }).await;
    let output = output.unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let end = output.stdout.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("a head ends") + 4;
    let head = String::from_utf8_lossy(&output.stdout[..end]).to_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Ok(Reply { status, head, body: Bytes::copy_from_slice(&output.stdout[end..]) })
}

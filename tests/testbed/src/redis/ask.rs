//! One command and its answer: all that the test bed needs of Redis' protocol.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::Error;

const LIMIT: Duration = Duration::from_secs(10);

/// An answer as a list of texts: one for a simple answer, the members of a list, nested ones flat. Nothing is an empty text.
pub(super) async fn ask(port: u16, command: &[&str]) -> Result<Vec<String>, Error> {
    let asking = async {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.map_err(Error::io("connect to redis-server"))?;
        let mut stream = BufReader::new(stream);
        let mut bytes = format!("*{}\r\n", command.len()).into_bytes();
        for argument in command {
            bytes.extend_from_slice(format!("${}\r\n{argument}\r\n", argument.len()).as_bytes());
        }
        stream.write_all(&bytes).await.map_err(Error::io("send a command to redis-server"))?;
        answer(&mut stream).await
    };
    match timeout(LIMIT, asking).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Error::Redis(format!("no answer to {} in {LIMIT:?}", command.join(" ")))),
    }
}

async fn answer(stream: &mut BufReader<TcpStream>) -> Result<Vec<String>, Error> {
    let (mut texts, mut open) = (Vec::new(), 1_usize);
    while open > 0 {
        open -= 1;
        let mut line = String::new();
        stream.read_line(&mut line).await.map_err(Error::io("read the answer of redis-server"))?;
        let line = line.trim_end();
        let (kind, rest) = line.split_at_checked(1).ok_or_else(|| Error::Redis("it broke off its answer".into()))?;
        let length = rest.parse::<i64>().ok().and_then(|length| usize::try_from(length).ok());
        match (kind, length) {
            ("*", length) => open += length.unwrap_or_default(),
            ("$", Some(length)) => {
                let mut bytes = vec![0; length + 2];
                stream.read_exact(&mut bytes).await.map_err(Error::io("read the answer of redis-server"))?;
                bytes.truncate(length);
                texts.push(String::from_utf8_lossy(&bytes).into_owned());
            }
            ("$", None) => texts.push(String::new()),
            ("-", _) => return Err(Error::Redis(format!("it answered {rest}"))),
            _ => texts.push(rest.to_owned()),
        }
    }
    Ok(texts)
}

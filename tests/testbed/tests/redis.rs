//! The Redis harness against a real redis-server.

#![allow(clippy::unwrap_used, reason = "a failed step of a test ends the test")]

use std::time::Duration;

use testbed::{Cut, Redis};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// One command, one line of answer: all these tests need of the protocol.
async fn ask(redis: &Redis, command: &str) -> String {
    let mut connection = BufReader::new(TcpStream::connect(("127.0.0.1", redis.port())).await.unwrap());
    connection.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
    let mut line = String::new();
    connection.read_line(&mut line).await.unwrap();
    line.trim().to_owned()
}

#[tokio::test]
async fn a_kill_alone_loses_nothing_acknowledged() {
    let mut redis = Redis::start().await.unwrap();
    let url = redis.url();
    for number in 1..=100 {
        assert_eq!(ask(&redis, "INCR counter").await, format!(":{number}"));
    }
    redis.kill().await.unwrap();
    assert!(TcpStream::connect(("127.0.0.1", redis.port())).await.is_err(), "it is gone");
    redis.restart().await.unwrap();
    assert_eq!(redis.url(), url);
    assert_eq!(ask(&redis, "INCR counter").await, ":101");
}

#[tokio::test]
async fn a_power_loss_takes_the_last_stretch_of_time() {
    let mut redis = Redis::start().await.unwrap();
    ask(&redis, "SET old 1").await;
    sleep(Duration::from_millis(800)).await;
    ask(&redis, "SET young 1").await;
    sleep(Duration::from_millis(200)).await;
    let lost = redis.power_loss(Cut::Last(Duration::from_millis(500))).await.unwrap();
    assert!(lost > 0);
    assert_eq!(ask(&redis, "EXISTS old").await, ":1");
    assert_eq!(ask(&redis, "EXISTS young").await, ":0");

    // Once more on what is left: the harness follows the file through its lives.
    ask(&redis, "SET third 1").await;
    sleep(Duration::from_millis(300)).await;
    redis.power_loss(Cut::Last(Duration::from_millis(10))).await.unwrap();
    assert_eq!(ask(&redis, "EXISTS third").await, ":1");
}

#[tokio::test]
async fn a_power_loss_may_tear_a_command() {
    let mut redis = Redis::start().await.unwrap();
    ask(&redis, "SET first 1").await;
    ask(&redis, "SET second 1").await;
    assert_eq!(redis.power_loss(Cut::Bytes(3)).await.unwrap(), 3);
    assert_eq!(ask(&redis, "EXISTS first").await, ":1");
    assert_eq!(ask(&redis, "EXISTS second").await, ":0");
}

#[tokio::test]
async fn a_paused_server_answers_once_it_goes_on() {
    let redis = Redis::start().await.unwrap();
    redis.pause().unwrap();
    assert!(timeout(Duration::from_millis(300), ask(&redis, "PING")).await.is_err());
    redis.resume().unwrap();
    assert_eq!(ask(&redis, "PING").await, "+PONG");
}

#[tokio::test]
async fn options_replace_the_usual_ones_and_a_bad_one_is_explained() {
    let redis = Redis::start_with(&[("maxmemory", "1234567")]).await.unwrap();
    assert!(ask(&redis, "INFO memory").await.starts_with('$'));
    let error = Redis::start_with(&[("no-such-option", "1")]).await.unwrap_err().to_string();
    assert!(error.contains("no-such-option"), "{error}");
}

#[tokio::test]
async fn nothing_is_left_behind() {
    let redis = Redis::start().await.unwrap();
    let (port, directory) = (redis.port(), redis.directory().to_owned());
    redis.pause().unwrap();
    drop(redis);
    let gone = async {
        while TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(5), gone).await.expect("the guard kills even a paused server");
    assert!(!directory.exists());
}

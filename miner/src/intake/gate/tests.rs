use std::time::Duration;

use super::*;

const PATIENCE: Duration = Duration::from_mins(1);

fn gate(most_bytes: u64, places: usize) -> ReadGate {
    ReadGate::new(most_bytes, places, IntakeMetrics::default())
}

/// Polls a waiting reader once, so that it stands in line.
async fn queue(gate: &ReadGate, deadline: i64, bytes: u64) -> tokio::task::JoinHandle<Pass> {
    let before = gate.0.lock().waiting.len();
    let waiting = gate.clone();
    let reader = tokio::spawn(async move { waiting.enter(Height(deadline), bytes).await });
    while gate.0.lock().waiting.len() == before {
        tokio::task::yield_now().await;
    }
    reader
}

async fn admitted(reader: tokio::task::JoinHandle<Pass>) -> Pass {
    tokio::time::timeout(PATIENCE, reader).await.unwrap().unwrap()
}

#[tokio::test]
async fn the_earliest_deadline_goes_first() {
    let gate = gate(1_000, 1);
    let first = gate.enter(Height(50), 10).await;
    let late = queue(&gate, 30, 10).await;
    let early = queue(&gate, 20, 10).await;
    drop(first);
    let early = admitted(early).await;
    assert!(!late.is_finished());
    drop(early);
    admitted(late).await;
}

// rule: W-14, H-31
#[tokio::test]
async fn bytes_in_flight_are_bounded_and_the_pause_is_counted() {
    let gate = gate(1_000, 8);
    let mut first = gate.enter(Height(1), 600).await;
    let second = queue(&gate, 1, 600).await;
    assert_eq!(gate.0.metrics.reads_paused.get(), 1);
    assert_eq!(gate.0.metrics.bytes_in_flight.get(), 600);
    first.holds(300);
    let second = admitted(second).await;
    assert_eq!(gate.0.metrics.bytes_in_flight.get(), 900);
    drop((first, second));
    assert_eq!(gate.0.metrics.bytes_in_flight.get(), 0);
}

#[tokio::test]
async fn more_than_the_bound_is_read_alone() {
    let gate = gate(1_000, 8);
    let small = gate.enter(Height(1), 1).await;
    let large = queue(&gate, 1, 5_000).await;
    let behind = queue(&gate, 2, 1).await;
    drop(small);
    let large = admitted(large).await;
    assert!(!behind.is_finished());
    drop(large);
    admitted(behind).await;
}

#[tokio::test]
async fn what_turned_out_larger_is_counted_and_holds_up_the_next() {
    let gate = gate(1_000, 8);
    let mut first = gate.enter(Height(1), 100).await;
    first.holds(5_000);
    let second = queue(&gate, 1, 100).await;
    drop(first);
    admitted(second).await;
}

#[tokio::test]
async fn who_gives_up_leaves_the_line() {
    let gate = gate(1_000, 1);
    let first = gate.enter(Height(1), 10).await;
    let impatient = tokio::time::timeout(Duration::from_millis(1), gate.enter(Height(1), 10)).await;
    assert!(impatient.is_err());
    assert!(gate.0.lock().waiting.is_empty());
    drop(first);
    drop(gate.enter(Height(1), 10).await);
    let state = gate.0.lock();
    assert_eq!((state.inside, state.bytes), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_forgotten_and_everything_is_given_back() {
    let gate = gate(1_000, 3);
    let readers: Vec<_> = (0..400_u64)
        .map(|number| {
            let gate = gate.clone();
            tokio::spawn(async move {
                let deadline = Height(i64::try_from(number % 7).unwrap());
                if number % 5 == 0 {
                    let wait = Duration::from_micros(number % 50);
                    drop(tokio::time::timeout(wait, gate.enter(deadline, 400)).await);
                    return;
                }
                let pass = gate.enter(deadline, 100 + number).await;
                {
                    let state = gate.0.lock();
                    assert!(state.inside <= 3 && state.bytes <= 1_000, "{state:?}");
                }
                tokio::task::yield_now().await;
                drop(pass);
            })
        })
        .collect();
    for reader in readers {
        tokio::time::timeout(PATIENCE, reader).await.unwrap().unwrap();
    }
    let state = gate.0.lock();
    assert_eq!((state.inside, state.bytes, state.waiting.len()), (0, 0, 0));
}

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::Semaphore;

use super::codec::COMPUTE_UNITS;
use super::*;
use crate::units::{ComputeUnits, Height};

const LONG: Duration = Duration::from_mins(1);

fn live(ttl: Duration) -> (Live<ComputeUnits>, Arc<Backing>) {
    let backing = Arc::<Backing>::default();
    (Live::new("units", 100, (ttl, LONG), COMPUTE_UNITS, Arc::clone(&backing)), backing)
}

fn units(number: u64) -> ComputeUnits {
    ComputeUnits(number)
}

fn away() -> ChainError {
    ChainError::Transient { node: "n".into(), reason: "away".into() }
}

fn gone() -> ChainError {
    ChainError::NotFound { height: Height(1), reason: "gone".into() }
}

fn answer(number: u64) -> std::future::Ready<Result<Fetched<ComputeUnits>, ChainError>> {
    std::future::ready(Ok((Height(7), units(number))))
}

/// An answer that takes until `gate` opens, and counts how often it was asked for.
async fn slow(gate: Arc<Semaphore>, asked: Arc<AtomicUsize>) -> Result<Fetched<ComputeUnits>, ChainError> {
    asked.fetch_add(1, Ordering::Relaxed);
    gate.acquire().await.unwrap().forget();
    answer(7).await
}

// rule: D-46, W-11
#[tokio::test]
async fn a_slow_question_delays_only_those_who_ask_the_same() {
    let (live, backing) = live(LONG);
    let pinned = Arc::new(Pinned::new("pinned", 100, None, backing));
    let (gate, asked) = (Arc::new(Semaphore::new(0)), Arc::<AtomicUsize>::default());
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let (live, question) = (live.clone(), slow(Arc::clone(&gate), Arc::clone(&asked)));
        waiting.push(tokio::spawn(async move { live.get("slow", Height(0), question).await }));
        let (pinned, question) = (Arc::clone(&pinned), slow(Arc::clone(&gate), Arc::clone(&asked)));
        let question = async { question.await.map(|(height, value)| (height, value, true)) };
        waiting.push(tokio::spawn(async move { pinned.get("slow".to_owned(), question).await }));
    }
    while asked.load(Ordering::Relaxed) < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(live.get("other", Height(0), answer(1)).await, Ok(units(1)));
    assert_eq!(pinned.get("other".to_owned(), async { Ok((Height(7), units(1), true)) }).await, Ok(units(1)));
    assert!(waiting.iter().all(|question| !question.is_finished()));
    gate.add_permits(2);
    for question in waiting {
        assert_eq!(question.await.unwrap(), Ok(units(7)));
    }
    assert_eq!(asked.load(Ordering::Relaxed), 2, "one question for each cache");
}

// rule: W-11, C-24
#[tokio::test]
async fn what_is_a_little_old_is_served_while_it_is_renewed() {
    let ttl = Duration::from_millis(200);
    let (live, _) = live(ttl);
    live.get("a", Height(0), answer(1)).await.unwrap();
    tokio::time::sleep(ttl + ttl / 4).await;
    let (gate, asked) = (Arc::new(Semaphore::new(0)), Arc::<AtomicUsize>::default());
    for _ in 0..3 {
        let question = slow(Arc::clone(&gate), Arc::clone(&asked));
        assert_eq!(live.get("a", Height(0), question).await, Ok(units(1)), "nobody waits");
    }
    while asked.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    gate.add_permits(1);
    for _ in 0..1_000 {
        if live.get("a", Height(0), slow(Arc::clone(&gate), Arc::clone(&asked))).await == Ok(units(7)) {
            assert_eq!(asked.load(Ordering::Relaxed), 1, "one question behind their backs");
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("it was not renewed");
}

// rule: W-12, H-27
#[tokio::test]
async fn errors_leave_the_last_known_value_and_not_found_takes_it() {
    let (live, _) = live(Duration::ZERO);
    assert_eq!(live.get("a", Height(0), async { Err(away()) }).await, Err(away()), "nothing is made up");
    live.get("a", Height(0), answer(1)).await.unwrap();
    assert_eq!(live.get("a", Height(0), async { Err(away()) }).await, Ok(units(1)));
    assert_eq!(live.refresh("a", async { Err(away()) }).await, Err(away()), "who decides something is told");
    assert_eq!(live.get("a", Height(0), async { Err(gone()) }).await, Err(gone()));
    assert_eq!(live.get("a", Height(0), async { Err(away()) }).await, Err(away()), "and it is not truth for anybody");
    assert_eq!(live.get("a", Height(0), answer(2)).await, Ok(units(2)));
}

#[tokio::test]
async fn what_is_doubted_or_too_low_is_asked_for_anew_and_still_there_for_want_of_an_answer() {
    let (live, _) = live(LONG);
    live.get("a", Height(0), answer(1)).await.unwrap();
    assert_eq!(live.get("a", Height(7), answer(2)).await, Ok(units(1)), "read at 7");
    assert_eq!(live.get("a", Height(8), answer(2)).await, Ok(units(2)));
    live.doubt("a", "pubsub").await;
    assert_eq!(live.get("a", Height(0), async { Err(away()) }).await, Ok(units(2)));
    live.doubt_all().await;
    assert_eq!(live.get("a", Height(0), answer(3)).await, Ok(units(3)));
}

/// A tier that remembers one answer, and how it is treated.
#[derive(Default)]
struct Remembered {
    answer: Mutex<Option<SharedAnswer>>,
    gives_up: AtomicUsize,
    stalls: Mutex<bool>,
}

impl SharedTier for Remembered {
    fn look<'a>(&'a self, _: &'a str, need: Need) -> BoxFuture<'a, Look> {
        async move {
            if *self.stalls.lock().unwrap() {
                std::future::pending::<()>().await;
            }
            match self.answer.lock().unwrap().clone() {
                Some(answer) if answer.age <= need.age && answer.height >= need.height => Look::Known(answer),
                older => Look::Ask("task".into(), older),
            }
        }
        .boxed()
    }

    fn put<'a>(
        &'a self,
        _: &'a str,
        height: Height,
        body: Bytes,
        life: Duration,
        _: Option<&'a str>,
    ) -> BoxFuture<'a, ()> {
        assert!(life <= LONG * 2, "bounded");
        *self.answer.lock().unwrap() = Some(SharedAnswer { height, age: Duration::ZERO, body });
        async {}.boxed()
    }

    fn give_up<'a>(&'a self, _: &'a str, _: Option<&'a str>, gone: bool) -> BoxFuture<'a, ()> {
        self.gives_up.fetch_add(1, Ordering::Relaxed);
        if gone {
            *self.answer.lock().unwrap() = None;
        }
        async {}.boxed()
    }
}

// rule: W-12, C-19
#[tokio::test]
async fn the_pool_s_answers_count_by_their_age_and_only_when_they_can_be_read() {
    let (live, backing) = live(LONG);
    let tier = Arc::<Remembered>::default();
    backing.share(Arc::clone(&tier) as _);
    let shared = |body: &[u8], age: Duration| {
        *tier.answer.lock().unwrap() =
            Some(SharedAnswer { height: Height(5), age, body: Bytes::copy_from_slice(body) });
    };
    shared(&9_u64.to_be_bytes(), LONG / 2);
    assert_eq!(live.get("a", Height(0), answer(1)).await, Ok(units(9)), "somebody else asked");
    shared(b"contaminated", Duration::ZERO);
    assert_eq!(live.get("b", Height(0), answer(1)).await, Ok(units(1)));
    shared(&9_u64.to_be_bytes(), LONG + LONG / 2);
    assert_eq!(live.get("c", Height(0), async { Err(away()) }).await, Ok(units(9)), "for want of an answer");
    shared(&9_u64.to_be_bytes(), LONG * 3);
    assert_eq!(live.get("d", Height(0), async { Err(away()) }).await, Err(away()), "not for ever");
    assert!(tier.gives_up.load(Ordering::Relaxed) >= 2, "others may ask now");
    assert_eq!(live.get("e", Height(0), async { Err(gone()) }).await, Err(gone()));
    assert_eq!(*tier.answer.lock().unwrap(), None, "nor is it anybody's truth any more");
}

#[tokio::test]
async fn a_tier_that_hangs_holds_up_one_question_a_moment() {
    let (live, backing) = live(LONG);
    let tier = Arc::<Remembered>::default();
    *tier.stalls.lock().unwrap() = true;
    backing.share(Arc::clone(&tier) as _);
    for key in 0..20 {
        assert_eq!(live.get(&key.to_string(), Height(0), answer(1)).await, Ok(units(1)));
    }
    let began = std::time::Instant::now();
    assert_eq!(live.get("next", Height(0), answer(1)).await, Ok(units(1)));
    assert!(began.elapsed() < Duration::from_millis(250), "it is left alone for a while");
}

//! The same work for many, on several threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::demo::{Progress, Step};
use crate::timing::Samples;

/// Does `work` for every item on `threads` threads. Results stand in the order of the items; the
/// first error ends the work.
pub(super) fn map<T: Sync, R: Send, E: Send>(
    items: &[T],
    threads: usize,
    (stage, progress): (&'static str, Progress<'_>),
    work: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<(Vec<R>, Samples), E> {
    let next = AtomicUsize::new(0);
    let finished = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(items.len()));
    let step = |done| progress(Step { stage, done, of: items.len() });
    step(0);
    thread::scope(|scope| {
        for _ in 0..threads.clamp(1, items.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(number) else { break };
                    let (result, time) = Samples::time(|| work(item));
                    if result.is_err() {
                        next.store(items.len(), Ordering::Relaxed);
                    }
                    // A panic elsewhere ends the scope with a panic anyway.
                    results
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner)
                        .push((number, time, result));
                    step(finished.fetch_add(1, Ordering::Relaxed) + 1);
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    results.sort_unstable_by_key(|(number, ..)| *number);
    let times: Vec<Duration> = results.iter().map(|(_, time, _)| *time).collect();
    let values: Result<Vec<R>, E> = results.into_iter().map(|(_, _, result)| result).collect();
    Ok((values?, times.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stand_in_the_order_of_the_items() {
        let items: Vec<u32> = (0..100).collect();
        let steps = AtomicUsize::new(0);
        let count = |_| {
            steps.fetch_add(1, Ordering::Relaxed);
        };
        let double = |item: &u32| Ok::<u32, ()>(2 * item);
        let (doubled, times) = map(&items, 4, ("doubling", &count), double).unwrap();
        assert_eq!(doubled, items.iter().map(|item| 2 * item).collect::<Vec<_>>());
        assert_eq!((times.len(), steps.into_inner()), (100, 101));
    }

    #[test]
    fn an_error_ends_the_work() {
        let items = [1, 2, 3, 4];
        let refuse = |item: &u32| if *item == 3 { Err("three") } else { Ok(*item) };
        assert_eq!(map(&items, 2, ("", &|_| ()), refuse), Err("three"));
        let none: [u32; 0] = [];
        assert_eq!(map(&none, 2, ("", &|_| ()), refuse), Ok((vec![], Samples::default())));
    }
}

//! Which task is next: in order, but never two at once in one workspace unless they may share it.

use std::collections::{HashSet, VecDeque};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::file::Item;

/// The tasks that are left, for any number of workers.
pub struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    shared: bool,
}

struct State {
    waiting: VecDeque<Item>,
    busy: HashSet<Arc<Path>>,
}

impl Queue {
    /// A queue of `items`. `shared` workspaces may be used by several tasks at once.
    pub fn new(items: impl IntoIterator<Item = Item>, shared: bool) -> Self {
        let state = State { waiting: items.into_iter().collect(), busy: HashSet::new() };
        Queue { state: Mutex::new(state), changed: Condvar::new(), shared }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first task whose workspace is free; waits for one. Nothing when none is left, or `stopped` says so.
    pub fn next(&self, stopped: impl Fn() -> bool) -> Option<Claim<'_>> {
        let mut state = self.state();
        loop {
            if stopped() || state.waiting.is_empty() {
                return None;
            }
            let free = state.waiting.iter().position(|item| self.shared || !state.busy.contains(&item.workspace));
            if let Some(item) = free.and_then(|at| state.waiting.remove(at)) {
                state.busy.insert(Arc::clone(&item.workspace));
                return Some(Claim { queue: self, item });
            }
            // All that is left waits for a task that runs, and that task's end wakes us.
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A task that somebody is at; when this is dropped, even by a panic, its workspace is free again.
pub struct Claim<'q> {
    queue: &'q Queue,
    /// The task.
    pub item: Item,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.queue.state().busy.remove(&self.item.workspace);
        self.queue.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Flags, Settings};

    #[test]
    fn a_task_that_panics_frees_its_workspace() {
        let settings = Arc::new(Settings::resolve(&Flags::default(), &Environment::default()).unwrap());
        let item = |id: &str| Item::for_test(id, Arc::clone(&settings));
        let queue = Queue::new(["a", "b"].map(item), false);
        std::thread::scope(|scope| {
            let first = scope.spawn(|| {
                let _claim = queue.next(|| false).unwrap();
                panic!("in a task");
            });
            assert!(first.join().is_err());
        });
        assert_eq!(queue.next(|| false).map(|claim| claim.item.id.clone()).as_deref(), Some("b"));
        assert!(queue.next(|| false).is_none());
    }
}

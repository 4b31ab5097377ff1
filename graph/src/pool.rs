//! Many short lists in one allocation: a list costs 12 bytes and its items, not a pointer, two lengths and a heap block.

/// A list's place in the pool.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u32,
    len: u32,
    room: u32,
}

/// Lists of `T` by dense number. Items of a list are contiguous.
///
/// A list that outgrows its room moves to a larger one, a quarter more; the old room waits for a list of that size.
/// When more than a quarter of all room is unused, everything is packed anew. So the waste is bounded, and an
/// insertion costs O(list) plus an amortised constant.
#[derive(Clone, Debug)]
pub(crate) struct Pool<T> {
    items: Vec<T>,
    lists: Vec<Span>,
    // By class of room.
    free: Vec<Vec<u32>>,
    // Items in rooms that no list occupies.
    vacant: usize,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { items: Vec::new(), lists: Vec::new(), free: Vec::new(), vacant: 0 }
    }
}

/// Rooms grow by a quarter: 1, 2, 3, 4, 5, 7, 9, 12, …
fn next_room(room: u32) -> u32 {
    room + room.div_ceil(4).max(1)
}

/// Room for at least `len`, and its class.
fn class(len: u32) -> (usize, u32) {
    let (mut class, mut room) = (0, 1);
    while room < len {
        room = next_room(room);
        class += 1;
    }
    (class, room)
}

impl<T: Copy + Default> Pool<T> {
    /// Adds an empty list.
    pub(crate) fn push_list(&mut self) {
        if self.lists.len() == self.lists.capacity() {
            self.lists.reserve_exact(self.lists.len() / 8 + 8);
        }
        self.lists.push(Span::default());
    }

    #[inline]
    pub(crate) fn list(&self, at: u32) -> &[T] {
        let Span { start, len, .. } = self.lists[at as usize];
        &self.items[start as usize..(start + len) as usize]
    }

    #[inline]
    pub(crate) fn list_mut(&mut self, at: u32) -> &mut [T] {
        let Span { start, len, .. } = self.lists[at as usize];
        &mut self.items[start as usize..(start + len) as usize]
    }

    /// Inserts an item before place `before` of a list.
    ///
    /// # Panics
    /// If all lists together would hold 2^32 items: tens of GiB.
    pub(crate) fn insert(&mut self, at: u32, before: usize, item: T) {
        let Span { len, room, .. } = self.lists[at as usize];
        if len == room {
            self.move_to_larger(at);
        }
        let span = &mut self.lists[at as usize];
        span.len += 1;
        let list = self.list_mut(at);
        let last = list.len() - 1;
        list.copy_within(before..last, before + 1);
        list[before] = item;
    }

    /// Takes an item out of a list.
    pub(crate) fn remove(&mut self, at: u32, place: usize) {
        let list = self.list_mut(at);
        list.copy_within(place + 1.., place);
        self.lists[at as usize].len -= 1;
    }

    fn move_to_larger(&mut self, at: u32) {
        if self.vacant * 4 > self.items.len() + 1024 {
            self.pack(true);
            if self.lists[at as usize].len < self.lists[at as usize].room {
                return;
            }
        }
        let Span { start, len, room } = self.lists[at as usize];
        let (class_of_new, new_room) = class(len + 1);
        let new_start = self.take_room(class_of_new, new_room);
        self.items.copy_within(start as usize..(start + len) as usize, new_start as usize);
        self.lists[at as usize] = Span { start: new_start, len, room: new_room };
        self.give_back(start, room);
    }

    fn take_room(&mut self, class: usize, room: u32) -> u32 {
        if let Some(start) = self.free.get_mut(class).and_then(Vec::pop) {
            self.vacant -= room as usize;
            return start;
        }
        let start = self.items.len();
        let end = start + room as usize;
        assert!(u32::try_from(end).is_ok(), "fewer than 2^32 items");
        if end > self.items.capacity() {
            // An eighth at a time: doubling would leave half of a large pool unused.
            self.items.reserve_exact((self.items.len() / 8).max(room as usize));
        }
        self.items.resize(end, T::default());
        start as u32
    }

    fn give_back(&mut self, start: u32, room: u32) {
        if room == 0 {
            return;
        }
        let (class, size) = class(room);
        // A packed list may have a room of no class: it waits for the next packing.
        if size == room {
            if self.free.len() <= class {
                self.free.resize_with(class + 1, Vec::new);
            }
            self.free[class].push(start);
        }
        self.vacant += room as usize;
    }

    /// Puts the lists side by side, with room to grow or without.
    fn pack(&mut self, with_room: bool) {
        let room_of = |len: u32| if with_room && len > 0 { class(len).1 } else { len };
        let total: usize = self.lists.iter().map(|span| room_of(span.len) as usize).sum();
        let mut items = Vec::with_capacity(total);
        for span in &mut self.lists {
            let start = items.len();
            items.extend_from_slice(&self.items[span.start as usize..(span.start + span.len) as usize]);
            let room = room_of(span.len);
            items.resize(start + room as usize, T::default());
            *span = Span { start: start as u32, len: span.len, room };
        }
        self.items = items;
        self.free.clear();
        self.vacant = 0;
    }

    /// Gives back every byte that no list uses.
    pub(crate) fn shrink(&mut self) {
        self.pack(false);
        self.lists.shrink_to_fit();
        self.free.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_grow_shrink_and_are_packed_without_mixing() {
        let mut pool: Pool<u32> = Pool::default();
        let mut twin: Vec<Vec<u32>> = Vec::new();
        for list in 0..50 {
            pool.push_list();
            twin.push(Vec::new());
            assert!(pool.list(list).is_empty());
        }
        let mut state = 1_u32;
        for step in 0..20_000_u32 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let list = (state >> 8) % 50;
            let mirror = &mut twin[list as usize];
            if (state >> 20) % 5 < 2 && !mirror.is_empty() {
                let place = (state >> 16) as usize % mirror.len();
                mirror.remove(place);
                pool.remove(list, place);
            } else {
                let place = (state >> 16) as usize % (mirror.len() + 1);
                mirror.insert(place, step);
                pool.insert(list, place, step);
            }
            if step % 4_999 == 0 {
                pool.shrink();
            }
        }
        for (list, mirror) in twin.iter().enumerate() {
            assert_eq!(pool.list(list as u32), mirror);
        }
        let used: usize = twin.iter().map(Vec::len).sum();
        assert!(pool.vacant * 4 <= pool.items.len() + 1024 && pool.items.len() < 2 * used + 2048);
    }

    #[test]
    fn rooms_are_of_few_sizes() {
        let rooms: Vec<u32> = std::iter::successors(Some(1), |room| Some(next_room(*room))).take(9).collect();
        assert_eq!(rooms, [1, 2, 3, 4, 5, 7, 9, 12, 15]);
        assert_eq!((class(1), class(6), class(9)), ((0, 1), (5, 7), (6, 9)));
    }
}

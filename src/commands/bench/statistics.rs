//! What is said of many measurements: the median and how far they spread. Of two series that were measured in turn: the
//! ratio of each pair, so that whatever slows the machine for a while slows both halves of a pair.

use serde::Serialize;

/// The median of a series, and its spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Spread {
    /// Half of the measurements are above it.
    pub(super) median: f64,
    /// A tenth of the measurements are below it.
    pub(super) p10: f64,
    /// A tenth of the measurements are above it.
    pub(super) p90: f64,
    /// The smallest measurement.
    pub(super) min: f64,
    /// The largest measurement.
    pub(super) max: f64,
    /// How many measurements there are.
    pub(super) count: usize,
}

impl Spread {
    /// The spread of a series; `None` of an empty one.
    pub(super) fn of(series: &[f64]) -> Option<Self> {
        let mut sorted = series.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        Some(Self {
            median: rounded(percentile(&sorted, 50)?),
            p10: rounded(percentile(&sorted, 10)?),
            p90: rounded(percentile(&sorted, 90)?),
            min: rounded(min),
            max: rounded(max),
            count: sorted.len(),
        })
    }

    /// The spread of `first / second`, pair by pair, where the next pair was measured in the other order: whoever goes
    /// first in a pair went last in the one before, and finds its caches warm. Each ratio is therefore the geometric mean
    /// of two neighbours, in which that cancels; the median of single ratios would fall into either of two heaps.
    /// A pair whose second half is nothing has no ratio.
    pub(super) fn of_ratios(first: &[f64], second: &[f64]) -> Option<Self> {
        let single: Vec<f64> = first
            .iter()
            .zip(second)
            .map(|(first, second)| first / second)
            .collect();
        let (neighbours, alone) = single.as_chunks::<2>();
        let mut ratios: Vec<f64> = neighbours.iter().map(|[a, b]| (a * b).sqrt()).collect();
        if ratios.is_empty() {
            ratios.extend(alone);
        }
        ratios.retain(|ratio| ratio.is_finite());
        Self::of(&ratios)
    }
}

/// Linear between the two nearest ranks, as most tools have it.
fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    let hundredths = percent * sorted.len().checked_sub(1)?;
    let below = *sorted.get(hundredths / 100)?;
    let above = *sorted.get(hundredths / 100 + 1).unwrap_or(&below);
    let part = u8::try_from(hundredths % 100).map_or(0.0, f64::from) / 100.0;
    Some(below + (above - below) * part)
}

/// Four digits: of a ratio enough, and of microseconds more than the clock has.
fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

/// Acts on each of several items in turn, `rounds` times, every second time in reverse: neither always goes first.
/// Returns a series for each item; those of equal index were measured together. An error comes with the index of its item.
pub(super) fn interleave<C, T, E>(
    items: &mut [C],
    rounds: u32,
    mut act: impl FnMut(u32, &mut C) -> Result<T, E>,
) -> Result<Vec<Vec<T>>, (usize, E)> {
    let mut series: Vec<Vec<T>> = items.iter().map(|_| Vec::new()).collect();
    for round in 0..rounds {
        let mut turns: Vec<(usize, (&mut C, &mut Vec<T>))> =
            items.iter_mut().zip(&mut series).enumerate().collect();
        if !round.is_multiple_of(2) {
            turns.reverse();
        }
        for (index, (item, series)) in turns {
            series.push(act(round, item).map_err(|error| (index, error))?);
        }
    }
    Ok(series)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_the_percentiles_of_the_sorted_series() {
        let series: Vec<f64> = (0..=10).rev().map(f64::from).collect();
        let expected = Spread {
            median: 5.0,
            p10: 1.0,
            p90: 9.0,
            min: 0.0,
            max: 10.0,
            count: 11,
        };
        assert_eq!(Spread::of(&series), Some(expected));
    }

    #[test]
    fn between_two_measurements_a_percentile_is_linear() {
        let spread = Spread::of(&[10.0, 20.0]).unwrap();
        assert_eq!((spread.p10, spread.median, spread.p90), (11.0, 15.0, 19.0));
    }

    #[test]
    fn one_measurement_has_no_spread_and_none_has_no_median() {
        let one = Spread::of(&[7.0]).unwrap();
        assert_eq!(
            (one.min, one.p10, one.median, one.p90, one.max),
            (7.0, 7.0, 7.0, 7.0, 7.0)
        );
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn ratios_are_those_of_the_pairs() {
        // The machine became ten times slower in between: the medians' ratio would be another.
        let spread = Spread::of_ratios(&[1.0, 2.0, 10.0, 5.0], &[2.0, 4.0, 20.0, 10.0]).unwrap();
        assert_eq!((spread.min, spread.max, spread.count), (0.5, 0.5, 2));
        assert_eq!(Spread::of_ratios(&[1.0], &[0.0]), None);
        let lone = Spread::of_ratios(&[1.0], &[4.0]).unwrap();
        assert_eq!((lone.median, lone.count), (0.25, 1));
    }

    #[test]
    fn what_going_first_saves_cancels() {
        // Equal artifacts; whoever goes first takes half the time.
        let spread = Spread::of_ratios(&[1.0, 2.0, 1.0, 2.0], &[2.0, 1.0, 2.0, 1.0]).unwrap();
        assert_eq!((spread.min, spread.max), (1.0, 1.0));
    }

    #[test]
    fn two_items_take_turns_and_swap_every_second_time() {
        let mut order = Vec::new();
        let series = interleave(&mut ['a', 'b'], 3, |round, item| {
            order.push(*item);
            Ok::<_, ()>(format!("{item}{round}"))
        });
        assert_eq!(order, ['a', 'b', 'b', 'a', 'a', 'b']);
        let names = |item: &str| [0, 1, 2].map(|round| format!("{item}{round}")).to_vec();
        assert_eq!(series, Ok(vec![names("a"), names("b")]));
    }

    #[test]
    fn the_first_error_ends_it_and_says_whose_it_is() {
        let failed = interleave(&mut ['a', 'b'], 5, |round, item| {
            if *item == 'b' && round == 1 {
                Err("no")
            } else {
                Ok(())
            }
        });
        assert_eq!(failed, Err((1, "no")));
    }
}

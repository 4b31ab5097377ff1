//! Random numbers that are the same on every machine: SplitMix64 (Steele, Lea, Flood 2014), in integers.

/// The golden ratio's fraction as 64 bits: the step of the sequence.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Spreads any 64 bits over all 64 bits, one to one.
pub fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// A sequence that its seed determines.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        mix(self.0)
    }

    /// Uniform in 0..count, by the high half of a product; the bias is below 2^-32 for every count used here.
    pub fn below(&mut self, count: u32) -> u32 {
        high(self.bits(), u64::from(count)) as u32
    }

    /// In 0..count, dense near 0: the square of a uniform number. Rank r is drawn in proportion to r^-1/2.
    pub fn squared_below(&mut self, count: u32) -> u32 {
        let uniform = self.bits();
        high(high(uniform, uniform), u64::from(count)) as u32
    }

    /// True in `percent` of 100 draws.
    pub fn percent(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// Uniform in (0, 1], a multiple of 2^-53: exact in every IEEE arithmetic.
    pub fn fraction(&mut self) -> f64 {
        ((self.bits() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// Pareto's law: at least 1, above x with probability x^-exponent. By `libm`, so every machine agrees to the bit.
    pub fn pareto(&mut self, exponent: f64) -> f64 {
        libm::pow(self.fraction(), -1.0 / exponent)
    }
}

fn high(left: u64, right: u64) -> u64 {
    ((u128::from(left) * u128::from(right)) >> 64) as u64
}

package ductileprom

// Option changes what [NewCollector] returns.
type Option func(*collector)

// WithoutClassicBuckets leaves out classic buckets, for a Prometheus that scrapes native
// histograms: a histogram is then one series there, not one for each bucket. In the text
// formats it has a count and a sum only.
func WithoutClassicBuckets() Option { return func(c *collector) { c.classic = false } }

// WithoutNativeBuckets leaves out native buckets, for a Prometheus that scrapes native
// histograms but whose rules and dashboards need the classic ones.
func WithoutNativeBuckets() Option { return func(c *collector) { c.native = false } }

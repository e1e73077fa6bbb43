/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/web/exchange.h"

static const double burst_share = 0.25; /* of a minute's requests may come at once */
static const double smallest_burst = 4;

struct RateLimits {
    double per_us, burst;
    GHashTable *buckets; /* key id -> Bucket*: as many as there are keys that were found in the store */
};
typedef struct {
    double tokens;
    gint64 filled_mono_us;
} Bucket;

RateLimits *rate_limits_new(gint64 per_minute)
{
    RateLimits *limits = g_new0(RateLimits, 1);
    limits->per_us = (double)per_minute / (60.0 * (double)CLOCK_SECOND_US);
    limits->burst = MAX((double)per_minute * burst_share, smallest_burst);
    limits->buckets = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    return limits;
}

void rate_limits_free(RateLimits *limits)
{
    g_hash_table_unref(limits->buckets);
    g_free(limits);
}

static Bucket *bucket_of(RateLimits *limits, gint64 key_id, gint64 now_mono_us)
{
    Bucket *bucket = g_hash_table_lookup(limits->buckets, &key_id);
    if (bucket)
        return bucket;
    bucket = g_new0(Bucket, 1);
    *bucket = (Bucket){.tokens = limits->burst, .filled_mono_us = now_mono_us};
    g_hash_table_insert(limits->buckets, g_memdup2(&key_id, sizeof key_id), bucket);
    return bucket;
}

gint64 rate_limits_take(RateLimits *limits, gint64 key_id, gint64 now_mono_us)
{
    Bucket *bucket = bucket_of(limits, key_id, now_mono_us);
    double gained = (double)(now_mono_us - bucket->filled_mono_us) * limits->per_us;
    bucket->tokens = MIN(bucket->tokens + gained, limits->burst);
    bucket->filled_mono_us = now_mono_us;
    if (bucket->tokens >= 1) {
        bucket->tokens -= 1;
        return 0;
    }
    return (gint64)((1 - bucket->tokens) / limits->per_us) / CLOCK_SECOND_US + 1;
}

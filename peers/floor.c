/* The floor: training steps of a small stacked LSTM, written by hand for one thread and for vectors.

   A value is held for the whole batch at once, in one vector ("batch last"), padded to a power of two. Sigmoid and
   tanh are made of an exponential of our own, which is inlined; the logarithm of the loss is libm's, vectorised by the
   compiler where libm can do that. */

#include "step.h"

#define PADDED (BATCH <= 4 ? 4 : BATCH <= 8 ? 8 : BATCH <= 16 ? 16 : BATCH <= 32 ? 32 : 64)
#define INLINE static inline __attribute__((always_inline))

_Static_assert(BATCH <= 64, "a batch of at most 64");

typedef float batch __attribute__((vector_size(4 * PADDED)));
typedef int whole __attribute__((vector_size(4 * PADDED)));

static batch seen[LAYERS + 1][WINDOW + 1][FEATURES + UNITS]; /* what a layer's product takes; the last is the head's */
static batch cell[LAYERS][WINDOW + 1][UNITS], tanh_cell[LAYERS][WINDOW][UNITS];
static batch gate[LAYERS][WINDOW][GATES]; /* after their nonlinearity; in the backward pass, their gradients before it */
static batch d_logit[WINDOW][CLASSES];
static batch d_state[LAYERS][UNITS], d_cell[LAYERS][UNITS];
static batch share; /* of a target in the mean loss, 0 where the batch is padded */

/* Data of all windows: input, and targets as ones among zeros. */
static batch (*x)[WINDOW][INPUTS], (*y)[WINDOW][CLASSES];

INLINE batch all(float value) { return value - (batch){0}; }

INLINE batch choose(whole mask, batch yes, batch no) { return (batch)((mask & (whole)yes) | (~mask & (whole)no)); }

/* 2^n times Taylor's polynomial of 2^f, f in [-1/2, 1/2]: a relative error of about 1e-7. */
INLINE batch exponential(batch v)
{
    const float ln2 = 0.69314718056f;
    batch bits = v / ln2;
    bits = choose(bits < -126, all(-126), choose(bits > 126, all(126), bits));
    whole biased = __builtin_convertvector(bits + 127.5f, whole);
    batch f = (bits - (__builtin_convertvector(biased, batch) - 127)) * ln2;
    batch power = 1 + f * (1 + f * (1.f / 2 + f * (1.f / 6 + f * (1.f / 24 + f * (1.f / 120 + f * (1.f / 720))))));
    return power * (batch)(biased << 23);
}

INLINE batch sigmoid(batch v) { return 1 / (1 + exponential(-v)); }

INLINE batch hyperbolic(batch v) { return 1 - 2 / (1 + exponential(2 * v)); }

INLINE float over_batch(batch v)
{
    float total = 0;
    for (int b = 0; b < PADDED; b++) total += v[b];
    return total;
}

INLINE void forward_cell(int l, int features, int t)
{
    const struct layer *w = &weight.layer[l];
    batch *g = gate[l][t];
    for (int j = 0; j < GATES; j++) {
        batch z = all(w->bias[j]);
        for (int k = 0; k < features + UNITS; k++) z += w->kernel[k][j] * seen[l][t][k];
        g[j] = z;
    }
    for (int u = 0; u < UNITS; u++) {
        batch i = sigmoid(g[u]), f = sigmoid(g[UNITS + u]), c = hyperbolic(g[2 * UNITS + u]), o = sigmoid(g[3 * UNITS + u]);
        batch after = f * cell[l][t][u] + i * c, bounded = hyperbolic(after), h = o * bounded;
        g[u] = i, g[UNITS + u] = f, g[2 * UNITS + u] = c, g[3 * UNITS + u] = o;
        cell[l][t + 1][u] = after;
        tanh_cell[l][t][u] = bounded;
        seen[l + 1][t][u] = h;
        seen[l][t + 1][features + u] = h;
    }
}

/* Replaces the gradient of the layer's output by that of its input. */
INLINE void backward_cell(int l, int features, int t, batch *d)
{
    const struct layer *w = &weight.layer[l];
    batch *g = gate[l][t];
    for (int u = 0; u < UNITS; u++) {
        batch i = g[u], f = g[UNITS + u], c = g[2 * UNITS + u], o = g[3 * UNITS + u], bounded = tanh_cell[l][t][u];
        batch d_h = d[u] + d_state[l][u], d_c = d_cell[l][u] + d_h * o * (1 - bounded * bounded);
        d_cell[l][u] = d_c * f;
        g[u] = d_c * c * i * (1 - i);
        g[UNITS + u] = d_c * cell[l][t][u] * f * (1 - f);
        g[2 * UNITS + u] = d_c * i * (1 - c * c);
        g[3 * UNITS + u] = d_h * bounded * o * (1 - o);
    }
    for (int k = l ? 0 : features; k < features + UNITS; k++) {
        batch total = {0};
        for (int j = 0; j < GATES; j++) total += w->kernel[k][j] * g[j];
        *(k < features ? &d[k] : &d_state[l][k - features]) = total;
    }
}

/* The weight gradients of a layer after the window: sums over time and batch. */
INLINE void weight_gradients(int l, int features)
{
    struct layer *to = &gradient.layer[l];
    for (int k = 0; k < features + UNITS; k++) {
        batch total[GATES] = {0};
        for (int t = 0; t < WINDOW; t++)
            for (int j = 0; j < GATES; j++) total[j] += seen[l][t][k] * gate[l][t][j];
        for (int j = 0; j < GATES; j++) to->kernel[k][j] = over_batch(total[j]);
    }
    for (int j = 0; j < GATES; j++) {
        batch total = {0};
        for (int t = 0; t < WINDOW; t++) total += gate[l][t][j];
        to->bias[j] = over_batch(total);
    }
}

/* Softmax cross-entropy of all steps: the mean loss, and the gradients of logits and head. */
static float head(batch (*target)[CLASSES])
{
    float sums[WINDOW][PADDED], loss = 0;
    batch losses = {0}, d_head[UNITS][CLASSES] = {0}, d_bias[CLASSES] = {0};
    for (int t = 0; t < WINDOW; t++) {
        batch logit[CLASSES], most = all(-1e30f), total = {0};
        for (int c = 0; c < CLASSES; c++) {
            logit[c] = all(weight.head_bias[c]);
            for (int u = 0; u < UNITS; u++) logit[c] += weight.head[u][c] * seen[LAYERS][t][u];
            most = choose(logit[c] > most, logit[c], most);
        }
        for (int c = 0; c < CLASSES; c++) {
            losses -= target[t][c] * (logit[c] - most);
            logit[c] = exponential(logit[c] - most);
            total += logit[c];
        }
        for (int c = 0; c < CLASSES; c++) {
            batch d = (logit[c] / total - target[t][c]) * share;
            d_logit[t][c] = d;
            d_bias[c] += d;
            for (int u = 0; u < UNITS; u++) d_head[u][c] += seen[LAYERS][t][u] * d;
        }
        memcpy(sums[t], &total, sizeof total);
    }
    for (int c = 0; c < CLASSES; c++) {
        gradient.head_bias[c] = over_batch(d_bias[c]);
        for (int u = 0; u < UNITS; u++) gradient.head[u][c] = over_batch(d_head[u][c]);
    }
    for (int t = 0; t < WINDOW; t++)
        for (int b = 0; b < PADDED; b++) loss += share[b] * logf(sums[t][b]);
    return loss + over_batch(losses * share);
}

static void lay_out(void)
{
    x = room(windows * sizeof *x);
    y = room(windows * sizeof *y);
    for (int w = 0; w < windows; w++)
        for (int t = 0; t < WINDOW; t++)
            for (int b = 0; b < BATCH; b++) {
                for (int i = 0; i < INPUTS; i++) x[w][t][i][b] = x_WTBI[w][t][b][i];
                y[w][t][y_WTB[w][t][b]][b] = 1;
            }
    for (int b = 0; b < BATCH; b++) share[b] = 1.f / (WINDOW * BATCH);
}

static float step(int window)
{
    for (int l = 0; l < LAYERS; l++) {
        int features = l ? UNITS : INPUTS;
        memcpy(&seen[l][0][features], &seen[l][WINDOW][features], sizeof(batch[UNITS]));
        memcpy(cell[l][0], cell[l][WINDOW], sizeof(batch[UNITS]));
    }
    for (int t = 0; t < WINDOW; t++) {
        memcpy(seen[0][t], x[window][t], sizeof(batch[INPUTS]));
        forward_cell(0, INPUTS, t);
        for (int l = 1; l < LAYERS; l++) forward_cell(l, UNITS, t);
    }
    float loss = head(y[window]);
    memset(d_state, 0, sizeof d_state);
    memset(d_cell, 0, sizeof d_cell);
    for (int t = WINDOW - 1; t >= 0; t--) {
        batch d[FEATURES] = {0};
        for (int u = 0; u < UNITS; u++)
            for (int c = 0; c < CLASSES; c++) d[u] += weight.head[u][c] * d_logit[t][c];
        for (int l = LAYERS - 1; l > 0; l--) backward_cell(l, UNITS, t, d);
        backward_cell(0, INPUTS, t, d);
    }
    weight_gradients(0, INPUTS);
    for (int l = 1; l < LAYERS; l++) weight_gradients(l, UNITS);
    adagrad();
    return loss;
}

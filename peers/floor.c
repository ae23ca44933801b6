/* The floor: training steps of a small stacked LSTM, written by hand for one thread and for vectors.

   A value is held for all rows of the batch at once, in one vector ("batch last"), padded to a power of two. Sigmoid and
   tanh are made of an exponential of our own, which is inlined; the logarithm of the loss is libm's, vectorised by the
   compiler where libm can do that. */

#include "step.h"

#define PADDED (BATCH <= 4 ? 4 : BATCH <= 8 ? 8 : BATCH <= 16 ? 16 : BATCH <= 32 ? 32 : 64)
#define INLINE static inline __attribute__((always_inline))

_Static_assert(BATCH <= 64, "at most 64 rows");

typedef float rows __attribute__((vector_size(4 * PADDED)));
typedef int whole __attribute__((vector_size(4 * PADDED)));

static rows seen[LAYERS + 1][WINDOW + 1][FEATURES + UNITS]; /* what a layer's product takes; the last is the head's */
static rows cell[LAYERS][WINDOW + 1][UNITS], tanh_cell[LAYERS][WINDOW][UNITS];
static rows gate[LAYERS][WINDOW][GATES]; /* after their nonlinearity; on the way back, their gradients before it */
static rows d_logit[WINDOW][CLASSES];
static rows d_state[LAYERS][UNITS], d_cell[LAYERS][UNITS];
static rows share; /* of a row's target in the mean loss, 0 where the row is padding */

/* Data of all windows: input, and targets as ones among zeros. */
static rows (*x)[WINDOW][INPUTS], (*y)[WINDOW][CLASSES];

INLINE rows all(float value) { return value - (rows){0}; }

INLINE rows select_rows(whole mask, rows yes, rows no) { return (rows)((mask & (whole)yes) | (~mask & (whole)no)); }

/* 2^n times Taylor's polynomial of 2^f, f in [-1/2, 1/2]: a relative error of about 1e-7. */
INLINE rows exponential(rows v)
{
    const float ln2 = 0.69314718056f;
    rows bits = v / ln2;
    bits = select_rows(bits < -126, all(-126), select_rows(bits > 126, all(126), bits));
    whole biased = __builtin_convertvector(bits + 127.5f, whole);
    rows f = (bits - (__builtin_convertvector(biased, rows) - 127)) * ln2;
    rows power = 1 + f * (1 + f * (1.f / 2 + f * (1.f / 6 + f * (1.f / 24 + f * (1.f / 120 + f * (1.f / 720))))));
    return power * (rows)(biased << 23);
}

INLINE rows sigmoid(rows v) { return 1 / (1 + exponential(-v)); }

INLINE rows hyperbolic(rows v) { return 1 - 2 / (1 + exponential(2 * v)); }

INLINE float over_rows(rows v)
{
    float total = 0;
    for (int b = 0; b < PADDED; b++) total += v[b];
    return total;
}

INLINE void forward_cell(int l, int features, int t)
{
    const struct layer *w = &weight.layer[l];
    rows *g = gate[l][t];
    for (int j = 0; j < GATES; j++) {
        rows z = all(w->bias[j]);
        for (int k = 0; k < features + UNITS; k++) z += w->kernel[k][j] * seen[l][t][k];
        g[j] = z;
    }
    for (int u = 0; u < UNITS; u++) {
        rows i = sigmoid(g[u]), f = sigmoid(g[UNITS + u]), c = hyperbolic(g[2 * UNITS + u]), o = sigmoid(g[3 * UNITS + u]);
        rows after = f * cell[l][t][u] + i * c, bounded = hyperbolic(after), h = o * bounded;
        g[u] = i, g[UNITS + u] = f, g[2 * UNITS + u] = c, g[3 * UNITS + u] = o;
        cell[l][t + 1][u] = after;
        tanh_cell[l][t][u] = bounded;
        seen[l + 1][t][u] = h;
        seen[l][t + 1][features + u] = h;
    }
}

/* Takes the gradient of the layer's output and leaves that of its input in its place. */
INLINE void backward_cell(int l, int features, int t, rows *d)
{
    const struct layer *w = &weight.layer[l];
    rows *g = gate[l][t];
    for (int u = 0; u < UNITS; u++) {
        rows i = g[u], f = g[UNITS + u], c = g[2 * UNITS + u], o = g[3 * UNITS + u], bounded = tanh_cell[l][t][u];
        rows d_h = d[u] + d_state[l][u], d_c = d_cell[l][u] + d_h * o * (1 - bounded * bounded);
        d_cell[l][u] = d_c * f;
        g[u] = d_c * c * i * (1 - i);
        g[UNITS + u] = d_c * cell[l][t][u] * f * (1 - f);
        g[2 * UNITS + u] = d_c * i * (1 - c * c);
        g[3 * UNITS + u] = d_h * bounded * o * (1 - o);
    }
    for (int k = l ? 0 : features; k < features + UNITS; k++) {
        rows total = {0};
        for (int j = 0; j < GATES; j++) total += w->kernel[k][j] * g[j];
        *(k < features ? &d[k] : &d_state[l][k - features]) = total;
    }
}

/* Once the window is over, the weight gradients of a layer: sums over time and rows. */
INLINE void weight_gradients(int l, int features)
{
    struct layer *to = &gradient.layer[l];
    for (int k = 0; k < features + UNITS; k++) {
        rows total[GATES] = {0};
        for (int t = 0; t < WINDOW; t++)
            for (int j = 0; j < GATES; j++) total[j] += seen[l][t][k] * gate[l][t][j];
        for (int j = 0; j < GATES; j++) to->kernel[k][j] = over_rows(total[j]);
    }
    for (int j = 0; j < GATES; j++) {
        rows total = {0};
        for (int t = 0; t < WINDOW; t++) total += gate[l][t][j];
        to->bias[j] = over_rows(total);
    }
}

/* Softmax cross-entropy of all steps: the mean loss, and the gradients of logits and head. */
static float head(rows (*target)[CLASSES])
{
    float sums[WINDOW][PADDED], loss = 0;
    rows losses = {0}, d_head[UNITS][CLASSES] = {0}, d_bias[CLASSES] = {0};
    for (int t = 0; t < WINDOW; t++) {
        rows logit[CLASSES], most = all(-1e30f), total = {0};
        for (int c = 0; c < CLASSES; c++) {
            logit[c] = all(weight.head_bias[c]);
            for (int u = 0; u < UNITS; u++) logit[c] += weight.head[u][c] * seen[LAYERS][t][u];
            most = select_rows(logit[c] > most, logit[c], most);
        }
        for (int c = 0; c < CLASSES; c++) {
            losses -= target[t][c] * (logit[c] - most);
            logit[c] = exponential(logit[c] - most);
            total += logit[c];
        }
        for (int c = 0; c < CLASSES; c++) {
            rows d = (logit[c] / total - target[t][c]) * share;
            d_logit[t][c] = d;
            d_bias[c] += d;
            for (int u = 0; u < UNITS; u++) d_head[u][c] += seen[LAYERS][t][u] * d;
        }
        memcpy(sums[t], &total, sizeof total);
    }
    for (int c = 0; c < CLASSES; c++) {
        gradient.head_bias[c] = over_rows(d_bias[c]);
        for (int u = 0; u < UNITS; u++) gradient.head[u][c] = over_rows(d_head[u][c]);
    }
    for (int t = 0; t < WINDOW; t++)
        for (int b = 0; b < PADDED; b++) loss += share[b] * logf(sums[t][b]);
    return loss + over_rows(losses * share);
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
        memcpy(&seen[l][0][features], &seen[l][WINDOW][features], sizeof(rows[UNITS]));
        memcpy(cell[l][0], cell[l][WINDOW], sizeof(rows[UNITS]));
    }
    for (int t = 0; t < WINDOW; t++) {
        memcpy(seen[0][t], x[window][t], sizeof(rows[INPUTS]));
        forward_cell(0, INPUTS, t);
        for (int l = 1; l < LAYERS; l++) forward_cell(l, UNITS, t);
    }
    float loss = head(y[window]);
    memset(d_state, 0, sizeof d_state);
    memset(d_cell, 0, sizeof d_cell);
    for (int t = WINDOW - 1; t >= 0; t--) {
        rows d[FEATURES] = {0};
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

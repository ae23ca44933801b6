/* What the C programs share: sizes, weights, Adagrad, the file of a problem, and the protocol.

   Sizes are constants of the compilation, so that the compiler can unroll:

       cc -O3 -march=native -ffast-math -DLAYERS=3 -DUNITS=4 -DBATCH=5 -DWINDOW=15 -DINPUTS=1 -DCLASSES=2 floor.c -lm

   A program includes this file and defines `lay_out` and `step`. Equations and gate order (i, f, g, o):
   src/echo_rnn/core/cells/lstm.py; protocol and file: worker.py and problem.py in src/echo_rnn/benchmark/measure. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEATURES (INPUTS > UNITS ? INPUTS : UNITS) /* the most that a layer takes in */
#define GATES (4 * UNITS)
#define MOST_LOSSES 20 /* losses in an answer */

/* The lines of a kernel: input of the layer (`features` of them), then its own output of the step before. */
struct layer {
    float kernel[FEATURES + UNITS][GATES], bias[GATES];
};

struct network {
    struct layer layer[LAYERS];
    float head[UNITS][CLASSES], head_bias[CLASSES];
};

static struct network weight, gradient, sum; /* sum: Adagrad's, of squared gradients */
static float learning_rate, epsilon;

static int windows;
static float (*x_WTBI)[WINDOW][BATCH][INPUTS];
static int (*y_WTB)[WINDOW][BATCH];

/* Brings the data into the program's own layout, once. */
static void lay_out(void);

/* One training step on a window, the state carried from the one before; returns the loss before the update. */
static float step(int window);

static void adagrad(void)
{
    float *w = (float *)&weight, *g = (float *)&gradient, *s = (float *)&sum;
    for (size_t n = 0; n < sizeof weight / sizeof *w; n++) {
        s[n] += g[n] * g[n];
        w[n] -= learning_rate * g[n] / sqrtf(s[n] + epsilon);
    }
}

static void fail(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(1);
}

static void take(void *to, size_t count, FILE *file)
{
    if (fread(to, 4, count, file) != count) fail("expected a whole problem, got a file that is too short");
}

static void *room(size_t bytes)
{
    void *memory = aligned_alloc(256, (bytes + 255) / 256 * 256);
    if (!memory) fail("expected memory for the data, got none");
    return memset(memory, 0, bytes);
}

static void read_problem(const char *path)
{
    const int own[] = {LAYERS, UNITS, BATCH, WINDOW, INPUTS, CLASSES};
    int sizes[8];
    float hyper[3];
    FILE *file = fopen(path, "rb");
    if (!file) fail("expected the file of a problem, got none");
    take(sizes, 8, file);
    if (memcmp(sizes, own, sizeof own)) fail("expected the sizes it was compiled for, got others");
    windows = sizes[6];
    take(hyper, 3, file);
    learning_rate = hyper[0], epsilon = hyper[2];
    for (size_t n = 0; n < sizeof sum / 4; n++) ((float *)&sum)[n] = hyper[1];
    for (int l = 0; l < LAYERS; l++) {
        take(weight.layer[l].kernel, ((l ? UNITS : INPUTS) + UNITS) * GATES, file);
        take(weight.layer[l].bias, GATES, file);
    }
    take(weight.head, UNITS * CLASSES, file);
    take(weight.head_bias, CLASSES, file);
    x_WTBI = room(windows * sizeof *x_WTBI);
    y_WTB = room(windows * sizeof *y_WTB);
    take(x_WTBI, windows * sizeof *x_WTBI / 4, file);
    take(y_WTB, windows * sizeof *y_WTB / 4, file);
    fclose(file);
}

int main(int count, char **arguments)
{
    char line[100];
    int window = 0;
    if (count != 2) fail("expected one argument, the file of a problem");
    read_problem(arguments[1]);
    lay_out();
    printf("{\"unit\": 1, \"version\": \"C, %s\"}\n", __VERSION__);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        float losses[MOST_LOSSES];
        int steps = 0, answered;
        if (sscanf(line, "{\"run\": %d}", &steps) != 1 || steps < 0) fail("expected a number of steps to run");
        for (int n = 0; n < steps; n++, window = (window + 1) % windows) {
            float loss = step(window);
            if (n < MOST_LOSSES) losses[n] = loss;
        }
        answered = steps < MOST_LOSSES ? steps : MOST_LOSSES;
        printf("{\"losses\": [");
        for (int n = 0; n < answered; n++) printf("%s%.9g", n ? ", " : "", losses[n]);
        printf("]}\n");
        fflush(stdout);
    }
    return 0;
}

// SPDX-License-Identifier: MIT OR Apache-2.0
// A program of many threads on a PKCS#11 module, for helgrind.
//
// threads MODULE PIN [wait]
//
// Its threads sign, each in sessions of its own, and ask for everything that
// modules keep behind locks. With `wait` one more waits for cards.
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long Number;

// PKCS#11 v2.40, as far as it is needed here.
enum {
    OS_LOCKING_OK = 2,
    SERIAL_SESSION = 4,
    USER = 1,
    CLASS = 0,
    PRIVATE_KEY = 3,
    SHA256_RSA_PKCS = 0x40,
    SHA256 = 0x250,
    TOKEN_INFO_ROOM = 512,
    CRYPTOKI_NOT_INITIALIZED = 0x190,
};
struct initialize { void *mutexes[4]; Number flags; void *reserved; };
struct mechanism { Number kind; void *parameter; Number length; };
struct attribute { Number kind; void *value; Number length; };

enum { THREADS = 6, ROUNDS = 3, SIGNATURE = 256 };

static void *library;
static Number slot;
static unsigned char text[] = "a text", expected[SIGNATURE];

static Number (*function(const char *name))() {
    void *found = dlsym(library, name);
    if (!found) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    return (Number (*)())found;
}

static void check(const char *name, Number value) {
    if (value) {
        fprintf(stderr, "%s: 0x%lx\n", name, value);
        exit(1);
    }
}
#define CALL(name, ...) check(#name, function(#name)(__VA_ARGS__))

static Number open_session(void) {
    Number session;
    CALL(C_OpenSession, slot, (Number)SERIAL_SESSION, NULL, NULL, &session);
    return session;
}

static void sign(Number session, unsigned char *signature) {
    Number class = PRIVATE_KEY, key, count = 0, length = SIGNATURE;
    struct attribute wanted = {CLASS, &class, sizeof class};
    struct mechanism mechanism = {SHA256_RSA_PKCS, NULL, 0};
    CALL(C_FindObjectsInit, session, &wanted, (Number)1);
    CALL(C_FindObjects, session, &key, (Number)1, &count);
    CALL(C_FindObjectsFinal, session);
    if (count != 1) check("the private key", count + 1);
    CALL(C_SignInit, session, &mechanism, key);
    CALL(C_Sign, session, text, (Number)sizeof text, signature, &length);
}

static void *work(void *nothing) {
    for (int round = 0; round < ROUNDS; round++) {
        unsigned char signature[SIGNATURE], digest[32], random[9];
        unsigned char info[TOKEN_INFO_ROOM];
        Number session = open_session(), length = sizeof digest, slots[8], count = 8;
        struct mechanism mechanism = {SHA256, NULL, 0};
        CALL(C_GetSlotList, (unsigned char)1, slots, &count);
        CALL(C_GetTokenInfo, slot, info);
        CALL(C_GetSlotInfo, slot, info);
        CALL(C_GetSessionInfo, session, info);
        CALL(C_DigestInit, session, &mechanism);
        CALL(C_Digest, session, text, (Number)sizeof text, digest, &length);
        CALL(C_GenerateRandom, session, random, (Number)sizeof random);
        sign(session, signature);
        if (memcmp(signature, expected, SIGNATURE)) check("the signature", 1);
        CALL(C_CloseSession, session);
    }
    return nothing;
}

static void *await(void *nothing) {
    Number which, end;
    // The first one tells of the card that is there already, or of none.
    do end = function("C_WaitForSlotEvent")((Number)0, &which, NULL);
    while (end == 0);
    if (end != CRYPTOKI_NOT_INITIALIZED) check("C_WaitForSlotEvent", end);
    return nothing;
}

int main(int count, char **words) {
    int waits = count == 4 && !strcmp(words[3], "wait");
    if (count < 3 || !(library = dlopen(words[1], RTLD_NOW | RTLD_LOCAL))) {
        fprintf(stderr, "threads MODULE PIN [wait]: %s\n", dlerror());
        return 2;
    }
    struct initialize arguments = {{NULL}, OS_LOCKING_OK, NULL};
    Number slots = 1;
    pthread_t threads[THREADS], waiter;
    CALL(C_Initialize, &arguments);
    CALL(C_GetSlotList, (unsigned char)1, &slot, &slots);
    Number session = open_session();
    CALL(C_Login, session, (Number)USER, words[2], (Number)strlen(words[2]));
    sign(session, expected);

    if (waits) pthread_create(&waiter, NULL, await, NULL);
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    // Wakes the one that waits.
    CALL(C_Finalize, NULL);
    if (waits) pthread_join(waiter, NULL);
    puts("done");
    return 0;
}

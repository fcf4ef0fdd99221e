// SPDX-License-Identifier: MIT OR Apache-2.0
// A PKCS#11 module that is another one with a defect.
//
// -DMODULE="PATH" the other one
// -DTWICE         a wrong PIN is tried twice
// -DNOPIN         C_SetPIN is not there
// -DTURNED        one bit of each signature is turned
// -DFIRST="PATH"  and only as long as this file is not there; then it is
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef unsigned long Number;
typedef unsigned char Byte;
typedef void Call(void);
struct functions;
typedef Number GetFunctionList(struct functions **);
typedef Number Login(Number session, Number user, const Byte *pin, Number length);
typedef Number Sign(Number session, const Byte *data, Number length, Byte *signature, Number *room);

// PKCS#11 v2.40, as far as it is needed here.
enum { SETPIN = 11, LOGIN = 18, SIGN = 43, FUNCTIONS = 68, PIN_INCORRECT = 0xA0, NOT_SUPPORTED = 0x54 };
struct functions { Byte version[2]; Call *call[FUNCTIONS]; };

static struct functions *other;
static struct functions mine;

__attribute__((unused)) static int spoils(void)
{
#ifdef FIRST
    if (access(FIRST, F_OK) == 0)
        return 0;
    FILE *file = fopen(FIRST, "w");
    if (file)
        fclose(file);
#endif
    return 1;
}

#ifdef TWICE
static Number login(Number session, Number user, const Byte *pin, Number length)
{
    Login *call = (Login *)other->call[LOGIN];
    Number result = call(session, user, pin, length);
    if (result == PIN_INCORRECT && spoils())
        result = call(session, user, pin, length);
    return result;
}
#endif

#ifdef TURNED
static Number sign(Number session, const Byte *data, Number length, Byte *signature, Number *room)
{
    Number result = ((Sign *)other->call[SIGN])(session, data, length, signature, room);
    if (result == 0 && signature && room && *room && spoils())
        signature[*room - 1] ^= 1;
    return result;
}
#endif

#ifdef NOPIN
static Number set_pin(Number session, const Byte *old, Number was, const Byte *pin, Number length)
{
    (void)session, (void)old, (void)was, (void)pin, (void)length;
    return NOT_SUPPORTED;
}
#endif

Number C_GetFunctionList(struct functions **list)
{
    if (!other) {
        void *module = dlopen(MODULE, RTLD_NOW | RTLD_LOCAL);
        if (!module) {
            fprintf(stderr, "%s\n", dlerror());
            return 5;
        }
        GetFunctionList *get = (GetFunctionList *)dlsym(module, "C_GetFunctionList");
        Number result = get(&other);
        if (result != 0)
            return result;
        mine = *other;
#ifdef TWICE
        mine.call[LOGIN] = (Call *)login;
#endif
#ifdef NOPIN
        mine.call[SETPIN] = (Call *)set_pin;
#endif
#ifdef TURNED
        mine.call[SIGN] = (Call *)sign;
#endif
    }
    *list = &mine;
    return 0;
}

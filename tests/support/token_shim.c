/* PKCS#11 module that forwards to another one and fails as a folder of files says.
 *
 * SINETTI_SHIM_MODULE is the other module. Each file in SINETTI_SHIM_FAULTS is one fault, which the first call that fits
 * deletes and has. The file's name begins with the fault: login-*, removed-*, session-*, hang-*, crash-*, wrong-*.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long rv_t;
typedef unsigned long handle_t;

struct functions {
    unsigned char major, minor;
    void *function[68];
};

enum { GET_FUNCTION_LIST = 3, LOGIN = 18, SIGN_INIT = 42, SIGN = 43 };
enum { DEVICE_REMOVED = 0x32, PIN_LOCKED = 0xA4, SESSION_HANDLE_INVALID = 0xB3, GENERAL_ERROR = 5 };

static struct functions shim;
static struct functions *real;

static int take(const char *kind)
{
    const char *folder = getenv("SINETTI_SHIM_FAULTS");
    DIR *faults = folder ? opendir(folder) : NULL;
    struct dirent *entry;
    char path[4096];
    int taken = 0;
    while (faults && !taken && (entry = readdir(faults))) {
        if (strncmp(entry->d_name, kind, strlen(kind)))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        taken = unlink(path) == 0;
    }
    if (faults)
        closedir(faults);
    return taken;
}

static rv_t login(handle_t session, unsigned long type, unsigned char *pin, unsigned long length)
{
    if (take("login-"))
        return PIN_LOCKED;
    return ((rv_t (*)(handle_t, unsigned long, unsigned char *, unsigned long))real->function[LOGIN])(
        session, type, pin, length);
}

static rv_t sign_init(handle_t session, void *mechanism, handle_t key)
{
    if (take("removed-"))
        return DEVICE_REMOVED;
    if (take("session-"))
        return SESSION_HANDLE_INVALID;
    if (take("crash-"))
        abort();
    if (take("hang-"))
        for (;;)
            pause();
    return ((rv_t (*)(handle_t, void *, handle_t))real->function[SIGN_INIT])(session, mechanism, key);
}

static rv_t sign(handle_t session, unsigned char *data, unsigned long length, unsigned char *signature,
                 unsigned long *signature_length)
{
    rv_t result = ((rv_t (*)(handle_t, unsigned char *, unsigned long, unsigned char *, unsigned long *))
                       real->function[SIGN])(session, data, length, signature, signature_length);
    if (result == 0 && signature && *signature_length && take("wrong-"))
        signature[*signature_length / 2] ^= 1;
    return result;
}

rv_t C_GetFunctionList(struct functions **list)
{
    if (!real) {
        void *module = dlopen(getenv("SINETTI_SHIM_MODULE"), RTLD_NOW);
        rv_t (*get)(struct functions **) = module ? dlsym(module, "C_GetFunctionList") : NULL;
        if (!get || get(&real))
            return GENERAL_ERROR;
        shim = *real;
        shim.function[GET_FUNCTION_LIST] = C_GetFunctionList;
        shim.function[LOGIN] = login;
        shim.function[SIGN_INIT] = sign_init;
        shim.function[SIGN] = sign;
    }
    *list = &shim;
    return 0;
}

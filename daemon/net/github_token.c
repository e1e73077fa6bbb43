/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials. A personal access token is read from its file; an App signs a JWT with its key (read for each minting
 * and wiped at once) and gets an installation token with no more permissions than the role needs and the installation
 * has.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/net/github_client.h"

static const gsize max_secret_bytes = 64 * 1024, min_secret_bytes = 8;
static const gint64 before_expiry_us = 300 * CLOCK_SECOND_US;

/* ---- secrets
 * ------------------------------------------------------------------------------------------------------------- */

void secret_free(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    g_free(secret);
}

void secret_close_process(void)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    /* Where dumps go to a program they know no limit; then they hold no memory. Children inherit both. */
    file_autofd int filter = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);
    if (filter >= 0)
        (void)!write(filter, "0", 1);
    prctl(PR_SET_DUMPABLE, 0);
}

char *secret_read(const char *path, gsize *ret_length, GError **error)
{
    file_autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) < 0) {
        error_set_errno(error, errno, "cannot read the credential file \"%s\"", path);
        return NULL;
    }
    if ((info.st_mode & 077) != 0 || (info.st_uid != geteuid() && info.st_uid != 0)) {
        error_set(error, RUBRIC_ERROR_DENIED,
                  "the credential file \"%s\" can be read by others: chmod 600 it, and let it belong to the user of "
                  "rubricd",
                  path);
        return NULL;
    }
    char *text = NULL;
    gsize length = 0;
    if (!file_read_fd(fd, path, max_secret_bytes, &text, &length, error))
        return NULL;
    while (length > 0 && strchr("\r\n", text[length - 1]))
        text[--length] = '\0';
    if (length >= min_secret_bytes && strlen(text) == length) {
        if (ret_length)
            *ret_length = length;
        return text;
    }
    explicit_bzero(text, length);
    g_free(text);
    error_set(error, RUBRIC_ERROR_INVALID,
              "the credential file \"%s\" holds no credential: expected at least %" G_GSIZE_FORMAT
              " bytes and no zero byte",
              path, min_secret_bytes);
    return NULL;
}

void github_config_free(GithubConfig *config)
{
    if (!config)
        return;
    g_free(config->api);
    g_free(config->git);
    g_free(config->key_file);
    g_free(config->token_file);
    g_free(config->webhook_secret_file);
    g_free(config);
}

bool github_config_is_app(const GithubConfig *config)
{
    return config->key_file != NULL;
}

/* ---- the App's JWT
 * ------------------------------------------------------------------------------------------------------- */

static char *base64_url(const void *data, gsize length)
{
    char *text = g_base64_encode(data, length);
    g_strdelimit(text, "+", '-');
    g_strdelimit(text, "/", '_');
    text[strcspn(text, "=")] = '\0';
    return text;
}

static bool sign(const char *key_pem, const char *text, guchar *signature, size_t *length)
{
    BIO *bio = BIO_new_mem_buf(key_pem, -1);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)"") : NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = key && context && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA &&
                (size_t)EVP_PKEY_get_size(key) <= *length &&
                EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestSign(context, signature, length, (const guchar *)text, strlen(text)) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    BIO_free(bio);
    return done;
}

char *github_jwt(gint64 app_id, const char *key_pem, gint64 now_us, GError **error)
{
    const gint64 back_s = 60, ahead_s = 540;
    const char header[] = "{\"alg\":\"RS256\",\"typ\":\"JWT\"}";
    gint64 now_s = now_us / CLOCK_SECOND_US;
    g_autofree char *claims =
        g_strdup_printf("{\"iat\":%" G_GINT64_FORMAT ",\"exp\":%" G_GINT64_FORMAT ",\"iss\":\"%" G_GINT64_FORMAT "\"}",
                        now_s - back_s, now_s + ahead_s, app_id);
    g_autofree char *first = base64_url(header, strlen(header));
    g_autofree char *second = base64_url(claims, strlen(claims));
    g_autofree char *text = g_strdup_printf("%s.%s", first, second);
    guchar signature[2048];
    size_t length = sizeof signature;
    if (!sign(key_pem, text, signature, &length)) {
        error_set(error, RUBRIC_ERROR_INVALID, "the App's key is no RSA private key in PEM form without a passphrase");
        return NULL;
    }
    g_autofree char *third = base64_url(signature, length);
    return g_strdup_printf("%s.%s", text, third);
}

/* ---- installation tokens
 * ------------------------------------------------------------------------------------------------- */

char *github_app_jwt(const GithubClient *client, GError **error)
{
    g_autoptr(char) key = secret_read(client->config->key_file, NULL, error);
    if (!key)
        return NULL;
    /* The true time, by GitHub's clock: a term may be rehearsed at another one. */
    return github_jwt(client->config->app_id, key, clock_now_us() + client->skew_us, error);
}

static const char *account_of(const cJSON *installation)
{
    return json_string_or(cJSON_GetObjectItemCaseSensitive(installation, "account"), "login", "");
}

/* Which of the App's installations: the configured one, the organisation's, the only one. */
static const cJSON *choose_installation(const GithubClient *client, const cJSON *list)
{
    const cJSON *each;
    cJSON_ArrayForEach(each, list)
    {
        gint64 id = json_int64_or(each, "id", 0);
        bool is_named = client->config->installation_id > 0 && id == client->config->installation_id;
        bool is_ours = client->config->installation_id == 0 && client->organization &&
                       g_ascii_strcasecmp(account_of(each), client->organization) == 0;
        if (is_named || is_ours)
            return each;
    }
    bool is_free = client->config->installation_id == 0 && !client->organization;
    return is_free && cJSON_GetArraySize(list) == 1 ? cJSON_GetArrayItem(list, 0) : NULL;
}

/* What the role needs, as far as the installation grants it. */
static cJSON *permissions_for(const char *role, const cJSON *granted)
{
    static const struct {
        const char *role, *name, *level;
    } needs[] = {
        {"intake", "metadata", "read"},     {"intake", "contents", "read"}, {"intake", "pull_requests", "read"},
        {"intake", "members", "read"},      {"post", "metadata", "read"},   {"post", "contents", "write"},
        {"post", "checks", "write"},        {"post", "statuses", "write"},  {"post", "issues", "write"},
        {"post", "pull_requests", "write"}, {"web", "metadata", "read"},
    };
    cJSON *permissions = cJSON_CreateObject();
    for (gsize i = 0; i < G_N_ELEMENTS(needs); i++) {
        const char *has = json_string_or(granted, needs[i].name, NULL);
        if (strcmp(needs[i].role, role) == 0 && has)
            json_add_string(permissions, needs[i].name, strcmp(has, "read") == 0 ? "read" : needs[i].level);
    }
    return permissions;
}

static bool refuse(GithubAnswer *answer, GithubOutcome outcome, const char *said)
{
    github_answer_clear(answer);
    answer->outcome = outcome;
    answer->said = g_strdup(said);
    return true;
}

/* *ret NULL with true: `answer` says why. */
static bool mint(GithubClient *client, const char *jwt, GithubAnswer *answer, GError **error)
{
    const GithubCall list = {.path = "/app/installations?per_page=100", .as_app = true};
    if (!github_exchange(client, &list, jwt, answer, error) || answer->outcome != GITHUB_OK)
        return answer->outcome != GITHUB_OK;
    const cJSON *installation = choose_installation(client, answer->json);
    if (!installation)
        return refuse(answer, GITHUB_NOT_FOUND,
                      "the App is not installed there, or more than once: set installation in rubricd.yaml");
    if (cJSON_IsString(cJSON_GetObjectItemCaseSensitive(installation, "suspended_at")))
        return refuse(answer, GITHUB_DENIED, "the App's installation is suspended");
    client->installation_id = json_int64_or(installation, "id", 0);
    const char *slug = json_string_or(installation, "app_slug", NULL);
    g_free(client->login);
    client->login = slug ? g_strconcat(slug, "[bot]", NULL) : NULL;
    g_autoptr(cJSON) body = cJSON_CreateObject();
    json_add(body, "permissions",
             permissions_for(client->role, cJSON_GetObjectItemCaseSensitive(installation, "permissions")));
    github_answer_clear(answer);

    g_autofree char *path =
        g_strdup_printf("/app/installations/%" G_GINT64_FORMAT "/access_tokens", client->installation_id);
    const GithubCall call = {.method = "POST", .path = path, .body = body, .as_app = true};
    if (!github_exchange(client, &call, jwt, answer, error) || answer->outcome != GITHUB_OK)
        return answer->outcome != GITHUB_OK;
    const char *token = json_string_or(answer->json, "token", NULL);
    const char *expires = json_string_or(answer->json, "expires_at", NULL);
    gint64 expires_us = github_time_us(expires);
    if (!token || expires_us == 0)
        return refuse(answer, GITHUB_INVALID, "GitHub's answer holds no token");
    client->token = g_strdup(token);
    client->token_expires_us = expires_us - client->skew_us;
    /* The answer's own copy goes with the answer. */
    explicit_bzero(cJSON_GetObjectItemCaseSensitive(answer->json, "token")->valuestring, strlen(token));
    return true;
}

void github_token_drop(GithubClient *client)
{
    client->n_dropped += client->token != NULL;
    secret_free(client->token);
    client->token = NULL;
}

bool github_token_ensure(GithubClient *client, bool *ret_is_ready, GithubAnswer *answer, GError **error)
{
    bool is_app = github_config_is_app(client->config);
    if (client->token && is_app && clock_now_us() >= client->token_expires_us - before_expiry_us)
        github_token_drop(client);
    *ret_is_ready = client->token != NULL;
    if (*ret_is_ready)
        return true;
    if (!is_app) {
        client->token = secret_read(client->config->token_file, NULL, error);
        *ret_is_ready = client->token != NULL;
        return *ret_is_ready;
    }
    g_autoptr(char) jwt = github_app_jwt(client, error);
    if (!jwt)
        return false;
    bool done = mint(client, jwt, answer, error);
    *ret_is_ready = done && client->token != NULL;
    if (*ret_is_ready)
        github_answer_clear(answer);
    return done;
}

/* ---- for git
 * ---------------------------------------------------------------------------------------------------------------- */

/* GitHub takes any user name with a token; this one is documented for both kinds. */
static char *git_configuration(const GithubClient *client)
{
    g_autoptr(char) pair = g_strconcat("x-access-token:", client->token, NULL);
    g_autoptr(char) encoded = g_base64_encode((const guchar *)pair, strlen(pair));
    return g_strdup_printf("[http \"%s/\"]\n\textraHeader = \"Authorization: Basic %s\"\n", client->config->git,
                           encoded);
}

bool github_git_credential(GithubClient *client, int *ret_fd, GithubAnswer *ret_answer, GError **error)
{
    bool is_ready = false;
    *ret_fd = -1;
    *ret_answer = (GithubAnswer){0};
    if (!github_token_ensure(client, &is_ready, ret_answer, error))
        return false;
    if (!is_ready)
        return true;
    g_autoptr(char) text = git_configuration(client);
    int fd = memfd_create("git-configuration", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    gsize length = strlen(text);
    if (fd < 0 || write(fd, text, length) != (gssize)length ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0) {
        error_set_errno(error, errno, "cannot make a file in memory");
        if (fd >= 0)
            close(fd);
        return false;
    }
    *ret_fd = fd;
    return true;
}

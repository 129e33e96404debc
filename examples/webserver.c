/*
 * SPDX-FileCopyrightText: 2026 The mproc authors
 * SPDX-License-Identifier: BSD-3-Clause
 */

/*
 * Several processes that answer HTTP on one listening socket.
 *
 *   webserver           answers on port 8000, for ten minutes or until Ctrl-C
 *   webserver --test    answers a few requests of its own
 */

#include <mproc/mproc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define SERVERS 4
#define REQUESTS 20

/* Reads to the end of the request's head, and answers with this process's id. */
static void
answer (GSocket *client)
{
  g_autofree char *body = g_strdup_printf ("%d", (int) getpid ());
  g_autofree char *text = g_strdup_printf ("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n"
                                           "Content-Length: %zu\r\n\r\n%s", strlen (body), body);
  char request[4096] = "";
  gsize have = 0;

  g_socket_set_timeout (client, 10);
  while (strstr (request, "\r\n\r\n") == NULL && have < sizeof request - 1)
    {
      gssize n = g_socket_receive (client, request + have, sizeof request - 1 - have, NULL, NULL);

      if (n <= 0)
        return;
      have += (gsize) n;
    }
  g_socket_send (client, text, strlen (text), NULL, NULL);
}

/* In each child. The kernel gives each connection to one of those who wait for one. */
static gboolean
serve (MpProcess  *process,
       gpointer    data,
       GError    **error)
{
  for (;;)
    {
      g_autoptr (GSocket) client = g_socket_accept (data, NULL, error);

      if (client == NULL)
        return FALSE;
      answer (client);
    }
}

static GSocket *
listen_on (guint16   port,
           GError  **error)
{
  g_autoptr (GSocket) listener = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM,
                                               G_SOCKET_PROTOCOL_TCP, error);
  g_autoptr (GInetAddress) host = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new (host, port);

  if (listener == NULL || !g_socket_bind (listener, address, TRUE, error) ||
      !g_socket_listen (listener, error))
    return NULL;

  return g_steal_pointer (&listener);
}

/* Which process has answered; 0 with an error. */
static int
ask (GSocketAddress  *address,
     GError         **error)
{
  const char *request = "GET / HTTP/1.0\r\n\r\n";
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GSocketConnection) line = NULL;
  char text[4096] = "", *body;
  gsize n;

  g_socket_client_set_timeout (client, 30);
  line = g_socket_client_connect (client, G_SOCKET_CONNECTABLE (address), NULL, error);
  if (line == NULL ||
      !g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (line)), request,
                                  strlen (request), NULL, NULL, error) ||
      !g_input_stream_read_all (g_io_stream_get_input_stream (G_IO_STREAM (line)), text,
                                sizeof text - 1, &n, NULL, error))
    return 0;

  body = strstr (text, "\r\n\r\n");
  return body != NULL ? atoi (body + 4) : 0;
}

static gboolean
test (GSocket    *listener,
      MpProcess **servers,
      GError    **error)
{
  g_autoptr (GSocketAddress) address = g_socket_get_local_address (listener, error);
  int n_good = 0;

  if (address == NULL)
    return FALSE;
  for (int i = 0; i < REQUESTS; i++)
    {
      int pid = ask (address, error);

      if (pid == 0)
        return FALSE;
      for (int j = 0; j < SERVERS; j++)
        n_good += mp_process_get_pid (servers[j]) == pid;
    }
  g_print ("%d servers, %d requests answered: %s\n", SERVERS, REQUESTS,
           n_good == REQUESTS ? "yes" : "no");

  return TRUE;
}

static gboolean
run (gboolean   testing,
     GError   **error)
{
  g_autoptr (GSocket) listener = listen_on (testing ? 0 : 8000, error);
  MpProcess *servers[SERVERS] = { NULL };
  gboolean well = listener != NULL;

  /* Daemons: they end with this process, even if that is killed. */
  for (int i = 0; well && i < SERVERS; i++)
    {
      servers[i] = mp_process_new (NULL, serve, listener, NULL);
      well = mp_process_set_daemon (servers[i], TRUE, error) &&
             mp_process_start (servers[i], error);
    }
  if (well && testing)
    well = test (listener, servers, error);
  else if (well)
    well = mp_process_join (servers[0], 600, NULL, error);

  for (int i = 0; i < SERVERS && servers[i] != NULL; i++)
    {
      if (mp_process_is_alive (servers[i]))
        mp_process_terminate (servers[i], NULL);
      if (mp_process_get_pid (servers[i]) > 0)
        mp_process_join (servers[i], -1, NULL, NULL);
      if (testing)
        g_print ("exit code: %d\n", mp_process_get_exit_code (servers[i]));
      g_object_unref (servers[i]);
    }

  return well;
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (GError) error = NULL;

  if (run (argc > 1 && g_str_equal (argv[1], "--test"), &error))
    return 0;

  g_printerr ("%s\n", error->message);
  return 1;
}

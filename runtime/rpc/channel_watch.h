/* Those who watch a channel: what weft_channel_watch() has begun. */
#ifndef WEFT_RPC_CHANNEL_WATCH_H
#define WEFT_RPC_CHANNEL_WATCH_H

#include <weft/channel.h>
#include <weft/list.h>

/* Something has changed; whether there is anybody to be told. */
bool weft_channel_watches_note(struct weft_list *watches);
/* Tells each that has not been told since. */
void weft_channel_watches_tell(struct weft_list *watches, struct weft_channel *channel);

#endif

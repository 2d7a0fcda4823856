/*
 * transfer.h
 *	  The form in which versions travel between databases; see export.c.
 */
#ifndef REGISTRY_TRANSFER_H
#define REGISTRY_TRANSFER_H

#define EXPORT_FORMAT "mlops-export"
#define EXPORT_CHUNK_BYTES ((Size) 8 * 1024 * 1024)
#define EXPORT_MAX_MANIFEST ((Size) 64 * 1024 * 1024)
#define EXPORT_MAX_VERSION 1000000000	/* versions that follow need numbers, too */

#endif							/* REGISTRY_TRANSFER_H */
